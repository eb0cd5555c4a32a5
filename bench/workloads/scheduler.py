"""The scheduler's daily work, without any input or output."""

import asyncio
import importlib

GATHERED = 100
BURST = 1000
FAR = 3600.0                                       # seconds: a timeout that never happens


async def nothing():
    pass


async def sleep0(count: int) -> int:
    """One task gives way `count` times: a whole iteration of the loop each time."""
    for _ in range(count):
        await asyncio.sleep(0)
    return count


async def own_sleep0(count: int) -> int:
    """As `sleep0`, by the `sleep` that comes with the loop's package, where there is one."""
    package = importlib.import_module(type(asyncio.get_running_loop()).__module__.partition(".")[0])
    sleep = getattr(package, "sleep", asyncio.sleep)
    for _ in range(count):
        await sleep(0)
    return count


async def spawn(count: int) -> int:
    """Create a task and await it."""
    for _ in range(count):
        await asyncio.create_task(nothing())
    return count


async def gather(count: int) -> int:
    """Gather 100 coroutines at a time; an operation is one of them."""
    done = 0
    while done < count:
        done += len(await asyncio.gather(*[nothing() for _ in range(GATHERED)]))
    return done


async def call_soon(count: int) -> int:
    """Schedule 1,000 callbacks and let them run; an operation is one of them."""
    loop = asyncio.get_running_loop()
    done = 0

    def callback():
        nonlocal done
        done += 1

    while done < count:
        for _ in range(BURST):
            loop.call_soon(callback)
        await asyncio.sleep(0)
    return done


async def call_later(count: int) -> int:
    """Set a timeout and cancel it, as every request with a timeout does; the loop turns after each 1,000."""
    loop = asyncio.get_running_loop()
    done = 0
    while done < count:
        for _ in range(BURST):
            loop.call_later(FAR, nothing).cancel()
        done += BURST
        await asyncio.sleep(0)
    return done
