"""Times a workload inside its process.

A workload is ``async def workload(count) -> done``: it does about `count` operations on the running loop and
returns how many it has really done.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable

Workload = Callable[[int], Awaitable[int]]
Clock = Callable[[], float]                         # nanoseconds of processor time
BATCHES = 10                                       # so many batches fit into the asked time
FIRST_COUNT = 100


async def _batch(workload: Workload, count: int, clock: Clock) -> tuple[int, float, int]:
    """Run once: (operations, nanoseconds of processor, nanoseconds of wall clock)."""
    wall, processor = time.perf_counter_ns(), clock()
    done = await workload(count)
    processor, wall = clock() - processor, time.perf_counter_ns() - wall
    if done < count:
        raise RuntimeError(f"the workload did {done} of {count} operations")
    return done, processor, wall


async def time_workload(workload: Workload, seconds: float,
                        processor: Clock = time.process_time_ns) -> dict[str, float]:
    """Nanoseconds per operation, of processor time and of wall time: medians over batches.

    Finding the size of a batch, a tenth of `seconds`, is the warm-up: it doubles until it is near enough.
    """
    goal = seconds * 1e9 / BATCHES
    count = FIRST_COUNT
    while True:
        _, _, wall = await _batch(workload, count, processor)
        if wall >= goal / 2:
            break
        count *= 2
    count = max(1, int(count * goal / wall))
    batches = [await _batch(workload, count, processor) for _ in range(BATCHES)]
    return {
        "cpu_ns": statistics.median(used / done for done, used, _ in batches),
        "wall_ns": statistics.median(wall / done for done, _, wall in batches),
        "operations": sum(done for done, _, _ in batches),
    }
