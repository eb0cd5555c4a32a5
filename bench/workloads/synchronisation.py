"""Tasks that wait for each other."""

import asyncio

CONTENDERS = 10                                    # tasks that want the same thing
PLACES = 3                                         # of the semaphore
EVERY = 10                                         # after so many notifications the producer lets others run


async def queue(count: int) -> int:
    """Ping-pong through two queues; an operation is one item put and got."""
    there, back = asyncio.Queue(1), asyncio.Queue(1)

    async def answer():
        for _ in range(rounds):
            await back.put(await there.get())

    rounds = -(-count // 2)
    other = asyncio.create_task(answer())
    for number in range(rounds):
        await there.put(number)
        if await back.get() != number:
            raise RuntimeError("the queue gave another item back")
    await other
    return 2 * rounds


async def _contend(count: int, guard) -> int:
    """Ten tasks go again and again through `guard`, inside of which others get their turn."""
    async def one():
        nonlocal done
        for _ in range(each):
            async with guard:
                await asyncio.sleep(0)
                done += 1

    done, each = 0, -(-count // CONTENDERS)
    for task in [asyncio.create_task(one()) for _ in range(CONTENDERS)]:
        await task
    return done


async def lock(count: int) -> int:
    """Ten tasks want one lock; an operation is one holding of it."""
    return await _contend(count, asyncio.Lock())


async def semaphore(count: int) -> int:
    """Ten tasks want one of three places."""
    return await _contend(count, asyncio.Semaphore(PLACES))


async def event(count: int) -> int:
    """Two tasks wake each other by two events; an operation is one waiting."""
    ping, pong = asyncio.Event(), asyncio.Event()

    async def answer():
        for _ in range(rounds):
            await ping.wait()
            ping.clear()
            pong.set()

    rounds = -(-count // 2)
    other = asyncio.create_task(answer())
    for _ in range(rounds):
        ping.set()
        await pong.wait()
        pong.clear()
    await other
    return 2 * rounds


async def condition(count: int) -> int:
    """One task makes items, ten wait for them at a condition; an operation is one item."""
    made, there, taken = asyncio.Condition(), 0, 0

    async def consume():
        nonlocal there, taken
        for _ in range(each):
            async with made:
                while not there:
                    await made.wait()
                there -= 1
                taken += 1

    each = -(-count // CONTENDERS)
    consumers = [asyncio.create_task(consume()) for _ in range(CONTENDERS)]
    for number in range(each * CONTENDERS):
        async with made:
            there += 1
            made.notify()
        if number % EVERY == 0:
            await asyncio.sleep(0)
    for consumer in consumers:
        await consumer
    return taken
