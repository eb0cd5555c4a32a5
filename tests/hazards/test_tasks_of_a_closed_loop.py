"""A loop that closes lets go of the tasks it still has, and is for many of them the last one to hold them."""

import textwrap

import pytest
from helpers.cases import tulipa
from helpers.processes import run_source

PROGRAM = """
    import asyncio, gc, weakref, tulipa

    async def wait():
        await asyncio.sleep(10)

    class Subclass(tulipa.Task):
        pass

    for make in (lambda loop: loop.create_task(wait()), lambda loop: Subclass(wait(), loop=loop)):
        for many in (1, 2, 3, 1000):
            for turns in (0, 1):
                loop = tulipa.EventLoop()
                tasks = weakref.WeakSet()
                for _ in range(many):
                    task = make(loop)
                    task._log_destroy_pending = False
                    tasks.add(task)
                del task
                for _ in range(turns):
                    loop.call_soon(loop.stop)
                    loop.run_forever()
                assert len(asyncio.all_tasks(loop)) == many
                loop.close()
                gc.collect()
                assert not tasks
    print("done")
"""


@pytest.mark.skipif(tulipa is None, reason="tulipa is not installed")
def test_freed_memory_is_not_touched():
    # The allocator for debugging fills what is freed, so that whoever looks at it afterwards crashes.
    child = run_source(textwrap.dedent(PROGRAM), options=["-W", "ignore"], PYTHONMALLOC="debug")
    assert (child.returncode, child.stdout) == (0, "done\n"), child.stderr
