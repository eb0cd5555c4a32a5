"""The scheduler's daily work, without any input or output."""

import asyncio
import importlib
import threading

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


async def spawn_many(count: int) -> int:
    """Create 1,000 tasks, then await each; an operation is one of them."""
    done = 0
    while done < count:
        for task in [asyncio.create_task(nothing()) for _ in range(BURST)]:
            await task
        done += BURST
    return done


async def task_group(count: int) -> int:
    """Groups of 100 tasks; an operation is one of them."""
    done = 0
    while done < count:
        async with asyncio.TaskGroup() as group:
            for _ in range(GATHERED):
                group.create_task(nothing())
        done += GATHERED
    return done


def eager_factory(loop):
    """asyncio's factory for eager tasks; uvloop 0.23 gives it an argument that those of older Pythons refuse."""
    def tolerant(loop, coroutine, *, eager_start=True, **options):
        return asyncio.eager_task_factory(loop, coroutine, **options)

    loop.set_task_factory(asyncio.eager_task_factory)
    coroutine = nothing()
    try:
        loop.create_task(coroutine)
    except TypeError:
        coroutine.close()
        return tolerant
    return asyncio.eager_task_factory


async def eager(count: int) -> int:
    """As `spawn`, with tasks that begin at once and so are done when they have been created."""
    if not hasattr(asyncio, "eager_task_factory"):
        raise NotImplementedError("eager tasks came to asyncio with Python 3.12")
    loop = asyncio.get_running_loop()
    loop.set_task_factory(eager_factory(loop))
    try:
        return await spawn(count)
    finally:
        loop.set_task_factory(None)


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


async def call_soon_threadsafe(count: int) -> int:
    """Another thread schedules callbacks while the loop waits for them and runs them."""
    loop = asyncio.get_running_loop()
    everything = loop.create_future()
    done = 0

    def callback():
        nonlocal done
        done += 1
        if done == count:
            everything.set_result(None)

    def post():
        for _ in range(count):
            loop.call_soon_threadsafe(callback)

    thread = threading.Thread(target=post)
    thread.start()
    await everything
    thread.join()
    return done


async def run_in_executor(count: int) -> int:
    """A function that does nothing, in another thread and back, one after the other."""
    loop = asyncio.get_running_loop()
    for number in range(count):
        if await loop.run_in_executor(None, abs, -number) != number:
            raise RuntimeError("the executor gave another result back")
    return count


async def timeout(count: int) -> int:
    """A block with a timeout that does not happen, in which the task gives way once."""
    for _ in range(count):
        async with asyncio.timeout(FAR):
            await asyncio.sleep(0)
    return count


async def wait_for(count: int) -> int:
    """The same by `wait_for`."""
    for _ in range(count):
        await asyncio.wait_for(asyncio.sleep(0), FAR)
    return count
