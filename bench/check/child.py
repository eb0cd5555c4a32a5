"""What is counted; valgrind runs it: python -m bench.check.child LOOP COUNT OPERATION ...

For each operation it does COUNT of them to warm up, COUNT more, then 2 × COUNT, with a mark after each; at a mark
valgrind writes down what it has counted since the last one. The difference of the last two is COUNT operations and
nothing else: what happens once in a run, the mark included, is in both. The first mark comes before all of them.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
import sys

from ..contenders import by_name


def mark() -> None:
    """Call a function of the C library that nobody else calls: counting.MARK."""
    os.getsid(0)


async def work(count: int, operations: list[str]) -> None:
    gc.disable()                                   # when it runs depends on what was allocated long before
    mark()
    for name in operations:
        module, _, function = name.partition(".")
        workload = getattr(importlib.import_module(f"bench.workloads.{module}"), function)
        for times in (count, count, 2 * count):
            gc.collect()
            if await workload(times) != times:
                raise RuntimeError(f"{name} did not do {times} operations")
            mark()


if __name__ == "__main__":
    _, loop, count, *names = sys.argv
    with asyncio.Runner(loop_factory=by_name(loop).loop_factory()) as runner:
        runner.run(work(int(count), names))
