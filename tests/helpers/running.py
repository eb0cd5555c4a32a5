"""Writing a test as one coroutine."""

import asyncio
import functools


def on_loop(test):
    """Make a plain test of an ``async def`` one: it runs to its end on the fixture ``loop``."""

    @functools.wraps(test)
    def run(*self, **fixtures):
        fixtures["loop"].run_until_complete(test(*self, **fixtures))

    return run


async def turns(count=1):
    """Let the loop turn that many times."""
    for _ in range(count):
        await asyncio.sleep(0)


async def cancelled(*tasks):
    """Cancel the tasks, and see them end so."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert all(task.cancelled() for task in tasks)
