"""redis-py's asyncio: commands, pipelines, transactions, blocking pops, subscriptions, pools, time limits.

With the Redis that ECOSYSTEM_REDIS names (its UNIX socket), else with small_redis.py.
"""

import asyncio
import contextlib
import os

import redis.asyncio as redis
from redis.exceptions import RedisError, ResponseError
from small_redis import SmallRedis
from support import LARGE, LOOPBACK, cancelled_after, run

SOCKET = os.environ.get("ECOSYSTEM_REDIS")


@contextlib.asynccontextmanager
async def server():
    """How to reach an empty server."""
    if SOCKET:
        async with redis.Redis(unix_socket_path=SOCKET) as client:
            await client.flushall()
        yield {"unix_socket_path": SOCKET}
    else:
        async with SmallRedis() as port:
            yield {"host": LOOPBACK, "port": port}


@contextlib.asynccontextmanager
async def connected(**options):
    async with server() as address, redis.Redis(**address, **options) as client:
        yield client


async def commands():
    for protocol in (2, 3):
        async with connected(protocol=protocol) as client:
            assert await client.ping()
            assert await client.set("large", LARGE) and await client.get("large") == LARGE
            assert await client.get("nothing") is None
            assert sorted(await asyncio.gather(*(client.incr("count") for _ in range(100)))) == list(range(1, 101))
            await client.hset("flower", mapping={"name": "tulip", "price": 7})
            assert await client.hgetall("flower") == {b"name": b"tulip", b"price": b"7"}
            assert await client.delete("large", "nothing") == 1
            try:
                await client.get("flower")
            except ResponseError as error:
                assert str(error).startswith("WRONGTYPE")
            else:
                raise AssertionError("no ResponseError")


async def pipelines():
    async with connected(decode_responses=True) as client:
        for transaction in (True, False):
            async with client.pipeline(transaction=transaction) as pipe:
                for number in range(500):
                    pipe.set(f"key {number}", number).get(f"key {number}")
                answers = await pipe.execute()
            assert answers == [answer for number in range(500) for answer in (True, str(number))]


async def blocking_pops():
    async with connected(decode_responses=True) as client:

        async def take(count):
            return [(await client.blpop("queue", timeout=30))[1] for _ in range(count)]

        takers = [asyncio.create_task(take(10)) for _ in range(5)]
        await asyncio.sleep(0.01)
        for number in range(50):
            await client.rpush("queue", number)
        taken = [number for numbers in await asyncio.gather(*takers) for number in numbers]
        assert sorted(map(int, taken)) == list(range(50))
        assert await client.blpop("queue", timeout=0.05) is None
        async with cancelled_after(asyncio.create_task(client.blpop("queue", timeout=30))):
            await asyncio.sleep(0.01)
        # The cancelled call's connection is not used again in the middle of an answer.
        await client.set("key", "well")
        assert await asyncio.gather(*(client.get("key") for _ in range(10))) == ["well"] * 10


async def subscriptions():
    async with connected(decode_responses=True) as client, client.pubsub() as subscriber:
        await subscriber.subscribe("news", "other")
        kinds = [(await subscriber.get_message(timeout=30))["type"] for _ in range(2)]
        assert kinds == ["subscribe"] * 2
        for number in range(100):
            assert await client.publish("news", f"tulip {number}") == 1
        seen = []
        async for message in subscriber.listen():
            seen.append(message["data"])
            if len(seen) == 100:
                break
        assert seen == [f"tulip {number}" for number in range(100)]
        assert await subscriber.get_message(timeout=0.01) is None
        await subscriber.unsubscribe()


async def pools_and_limits():
    async with server() as address:
        kind = redis.UnixDomainSocketConnection if SOCKET else redis.Connection
        if SOCKET:
            address = {"path": SOCKET}
        pool = redis.BlockingConnectionPool(connection_class=kind, max_connections=2, timeout=30, **address)
        async with redis.Redis.from_pool(pool) as client:
            assert await asyncio.gather(*(client.ping() for _ in range(50))) == [True] * 50
            connections = len(pool._available_connections) + len(pool._in_use_connections)
            assert connections <= 2
            try:
                async with asyncio.timeout(0.05):
                    await client.blpop("queue", timeout=30)
            except TimeoutError:
                assert await client.ping()


async def lost_server():
    """A server that goes away: the caller is told, and nothing is left."""

    async def hang_up(reader, writer):
        await reader.read(10)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(hang_up, LOOPBACK, 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        async with redis.Redis(host=LOOPBACK, port=port, retry=None) as client:
            try:
                await client.get("key")
            except RedisError:
                pass
            else:
                raise AssertionError("no error of redis's")


if __name__ == "__main__":
    print("with", "a Redis" if SOCKET else "the small server")
    run(commands, pipelines, blocking_pops, subscriptions, pools_and_limits, lost_server, libraries=("redis",))
