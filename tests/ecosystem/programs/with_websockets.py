"""websockets: server and client, every kind of message, back-pressure, TLS, UNIX, pings, closing, giving up."""

import asyncio
import contextlib
import os
import tempfile

import websockets
from support import LARGE, LOOPBACK, cancelled_after, pieces_of, run, tls_contexts
from websockets.asyncio.client import connect, unix_connect
from websockets.asyncio.server import broadcast, serve, unix_serve

LIMITS = {"max_size": 2 * len(LARGE)}


async def echo(socket):
    async for message in socket:
        await socket.send(message)


@contextlib.asynccontextmanager
async def connected(handler=echo, tls=None, **options):
    """A client's connection with a server that has this handler, and the server."""
    async with serve(handler, LOOPBACK, 0, ssl=tls and tls[0], **LIMITS, **options) as server:
        port = server.sockets[0].getsockname()[1]
        uri = f"{'wss' if tls else 'ws'}://localhost:{port}/"
        more = {"ssl": tls[1]} if tls else {}
        async with connect(uri, proxy=None, **more, **LIMITS, **options) as socket:
            yield socket, server


async def messages(tls=None):
    for compression in ("deflate", None):
        async with connected(tls=tls, compression=compression) as (socket, _):
            for number in range(50):
                await socket.send(f"tulip {number}")
                assert await socket.recv() == f"tulip {number}"
            await socket.send(LARGE)
            assert await socket.recv() == LARGE
            await socket.send(pieces_of(LARGE))  # one message, fragmented
            assert await socket.recv() == LARGE
            await asyncio.gather(*(socket.send(b"%d" % number) for number in range(100)))
            assert [await socket.recv() for _ in range(100)] == [b"%d" % number for number in range(100)]


async def messages_over_tls():
    await messages(tls_contexts())


async def over_unix():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "socket")
        async with unix_serve(echo, path, **LIMITS), unix_connect(path, **LIMITS) as socket:
            await socket.send(LARGE)
            assert await socket.recv() == LARGE


async def slow_reader():
    """The sender waits while the reader does not read, and nothing is lost."""
    sent = 0

    async def flood(socket):
        nonlocal sent
        for _ in range(30):
            await socket.send(LARGE)
            sent += 1

    async with connected(flood, compression=None) as (socket, _):
        before = -1
        while sent != before:  # until nothing moves
            before = sent
            await asyncio.sleep(0.05)
        assert sent < 30
        assert all([await socket.recv() == LARGE for _ in range(30)])


async def pings_and_broadcast():
    async with connected() as (socket, server):
        waiting = await socket.ping()
        assert await waiting >= 0
        others = [await connect(f"ws://{LOOPBACK}:{server.sockets[0].getsockname()[1]}", proxy=None) for _ in range(5)]
        broadcast(server.connections, "to all")
        assert [await other.recv() for other in [socket, *others]] == ["to all"] * 6
        await asyncio.gather(*(other.close() for other in others))


async def closing():
    async def close(socket):
        await socket.close(4001, "no tulips")

    async with connected(close) as (socket, _):
        try:
            await socket.recv()
        except websockets.ConnectionClosedError as error:
            assert (error.rcvd.code, error.rcvd.reason) == (4001, "no tulips")
        else:
            raise AssertionError("no ConnectionClosedError")


async def silence_is_noticed():
    """A peer that answers no ping: the keepalive's time limit closes the connection."""
    over = asyncio.Event()

    async def mute(socket):
        socket.transport.pause_reading()
        await over.wait()
        socket.transport.abort()

    options = {"ping_interval": 0.05, "ping_timeout": 0.05, "close_timeout": 0.05}
    async with serve(mute, LOOPBACK, 0, ping_interval=None, close_timeout=0) as server:
        port = server.sockets[0].getsockname()[1]
        async with connect(f"ws://{LOOPBACK}:{port}/", proxy=None, **options) as socket:
            try:
                await socket.recv()
            except websockets.ConnectionClosedError as error:
                assert error.sent.code == 1011
            else:
                raise AssertionError("no ConnectionClosedError")
        over.set()


async def giving_up():
    """A cancelled recv, and one with a time limit, lose no message."""
    async with connected() as (socket, _):
        async with cancelled_after(asyncio.create_task(socket.recv())):
            await asyncio.sleep(0)
        try:
            async with asyncio.timeout(0.01):
                await socket.recv()
        except TimeoutError:
            pass
        await socket.send("still there")
        assert await socket.recv() == "still there"


async def graceful_shutdown():
    async with connected() as (socket, server):
        server.close()
        try:
            await socket.recv()
        except websockets.ConnectionClosedOK as error:
            assert error.rcvd.code == 1001
        await server.wait_closed()


if __name__ == "__main__":
    run(messages, messages_over_tls, over_unix, slow_reader, pings_and_broadcast, closing, silence_is_noticed,
        giving_up, graceful_shutdown, libraries=("websockets",))
