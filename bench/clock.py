"""Times a workload inside its process.

A workload is ``async def workload(count) -> done``: it does about `count` operations on the running loop and
returns how many it has really done.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable

Workload = Callable[[int], Awaitable[int]]
BATCHES = 10                                       # so many batches fit into the asked time
FIRST_COUNT = 100


async def _batch(workload: Workload, count: int) -> tuple[int, int, int]:
    """Run once: (operations, nanoseconds of processor, nanoseconds of wall clock)."""
    wall, processor = time.perf_counter_ns(), time.process_time_ns()
    done = await workload(count)
    processor, wall = time.process_time_ns() - processor, time.perf_counter_ns() - wall
    if done < count:
        raise RuntimeError(f"the workload did {done} of {count} operations")
    return done, processor, wall


async def time_workload(workload: Workload, seconds: float) -> dict[str, float]:
    """Nanoseconds per operation, of processor time and of wall time: medians over batches.

    Finding the size of a batch, a tenth of `seconds`, is the warm-up: it doubles until it is near enough.
    """
    goal = seconds * 1e9 / BATCHES
    count = FIRST_COUNT
    while True:
        _, _, wall = await _batch(workload, count)
        if wall >= goal / 2:
            break
        count *= 2
    count = max(1, int(count * goal / wall))
    batches = [await _batch(workload, count) for _ in range(BATCHES)]
    return {
        "cpu_ns": statistics.median(processor / done for done, processor, _ in batches),
        "wall_ns": statistics.median(wall / done for done, _, wall in batches),
        "operations": sum(done for done, _, _ in batches),
    }
