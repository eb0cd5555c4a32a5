"""What gc.get_objects() gives away, somebody names, cancels or refers to: no other object may be harmed by that."""

import pytest
from helpers.processes import run_source

PROGRAM = """
import asyncio, gc, weakref
import tulipa

KINDS = (tulipa.Task, tulipa.Future, tulipa.Handle, tulipa.TimerHandle)


def meddle(item):
    {meddle}


async def nothing():
    await asyncio.sleep(0)
    await asyncio.sleep(0.0001)


async def main():
    kept = []
    found = [item for item in gc.get_objects() if type(item) in KINDS and item is not asyncio.current_task()]
    for item in found:
        kept.append(meddle(item))
    for _ in range(100):
        task = asyncio.create_task(nothing())
        assert not weakref.getweakrefs(task) and not hasattr(task, "remark")
        assert task.cancelling() == 0
        await task
    del task
    gc.collect()
    print("alive")


tulipa.run(main())
gc.collect()
"""


@pytest.mark.parametrize("meddle", [
    "item.cancel()",
    "repr(item)",
    "return weakref.ref(item)",
    "getattr(item, 'set_name', print)('a name')",
    "setattr(item, 'remark', ['own']) if isinstance(item, asyncio.Future) else None",
])
def test_what_the_collector_knows_is_no_model_of_what_is_made_later(meddle):
    done = run_source(PROGRAM.format(meddle=meddle), PYTHONMALLOC="debug")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1:] == ["alive"]
