"""Very many tasks or timers at once: what each costs in time and in memory.

These functions measure by themselves, once: they are run in a fresh process and return what they found.
"""

import asyncio
import gc
import os
import random
import time

TASKS = 100_000
TIMERS = 1_000_000
FIRST = 1_000                                      # of them before the measurement: what is loaded and allocated once
NEAR, FAR = 1000.0, 5000.0                         # seconds
TURNS = 5                                          # of the loop, for what is put off to a later one
LEAST_LEFT = 1.0                                   # per cent: less can't be told apart
PAGE = os.sysconf("SC_PAGE_SIZE")


def resident() -> int:
    """Bytes of memory that this process occupies."""
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * PAGE


async def turn() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


async def tasks() -> dict[str, float]:
    """Tasks that have begun and wait, all for one future."""
    gate = asyncio.get_running_loop().create_future()

    async def wait():
        await gate

    waiting = [asyncio.create_task(wait()) for _ in range(FIRST)]
    await turn()
    before = resident()
    waiting += [asyncio.create_task(wait()) for _ in range(TASKS)]
    await turn()
    after = resident()
    gate.set_result(None)
    for task in waiting:
        await task
    return {"each": (after - before) / TASKS, "before": before, "after": after}


def nothing() -> None:
    pass


async def timers() -> dict[str, float]:
    """Timers with deadlines in no order, all pending, then all cancelled in another order."""
    loop = asyncio.get_running_loop()
    chance = random.Random(1)
    for handle in [loop.call_later(FAR, nothing) for _ in range(FIRST)]:
        handle.cancel()
    await turn()
    delays = [chance.uniform(NEAR, FAR) for _ in range(TIMERS)]
    pending = [None] * TIMERS
    order = list(range(TIMERS))
    chance.shuffle(order)
    before = resident()
    start = time.process_time_ns()
    for i, delay in enumerate(delays):
        pending[i] = loop.call_later(delay, nothing)
    await asyncio.sleep(0)
    added = time.process_time_ns()
    full = resident()
    cancelling = time.process_time_ns()
    for i in order:
        pending[i].cancel()
        pending[i] = None
    await asyncio.sleep(0)
    cancelled = time.process_time_ns()
    await turn()
    after = resident()
    add_ns, cancel_ns = (added - start) / TIMERS, (cancelled - cancelling) / TIMERS
    kept = 100 * (after - before) / (full - before)
    return {"cpu_ns": add_ns + cancel_ns, "add_ns": add_ns, "cancel_ns": cancel_ns, "each": (full - before) / TIMERS,
            "left": max(LEAST_LEFT, kept), "before": before, "full": full, "after": after}
