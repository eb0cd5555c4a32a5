"""Objects that were never initialised, and None where an object belongs, raise; they never crash the interpreter.

Each case runs in a process of its own, which a crash would end by a signal.
"""

import pytest
from helpers.processes import run_source

CASES = {
    "loop, call_soon": "new(EventLoop).call_soon(print)",
    "loop, call_soon_threadsafe": "new(EventLoop).call_soon_threadsafe(print)",
    "loop, call_later": "new(EventLoop).call_later(1, print)",
    "loop, _pending_counts": "new(EventLoop)._pending_counts()",
    "loop, _run_until_stopped": "new(EventLoop)._run_until_stopped()",
    "loop, _drop_everything": "new(EventLoop)._drop_everything()",
    "handle": "new(Handle)._run()",
    "timer": "new(TimerHandle)._run()",
    "task": "[new(Task).cancel(), run(new(Task))]",
    "future": "loop.run_until_complete(wait_for(new(Future)))",
    "announce": "announce(None, READ, loop._ready)",
    "watch": "loop._driver.watch(None, READ)",
    "forget": "loop._driver.forget(None)",
    "push": "[loop._ready.push(None), loop.call_soon(loop.stop), loop.run_forever()]",
    "wait": "[loop.call_soon(loop.stop), loop._driver.wait(0, None), announce(Watcher(0), READ, None)]",
    "turn within a turn":
        "[[loop.call_soon(f) for f in (loop.stop, loop._run_until_stopped, int)], loop.run_forever(), raise_seen()]",
}

PROGRAM = """
import asyncio
from tulipa import EventLoop, Future, Handle, Task, TimerHandle, run
from tulipa._drivers.base import READ, Watcher, announce

def new(kind):
    return kind.__new__(kind)

async def wait_for(future):
    await future

def raise_seen():
    raise errors[0]

errors = []
loop = EventLoop()
loop.set_exception_handler(lambda _, context: errors.append(context["exception"]))
try:
    {expression}
except Exception as error:
    print("raised", type(error).__name__)
"""


@pytest.mark.parametrize("expression", CASES.values(), ids=CASES)
def test_raises_and_does_not_crash(expression):
    process = run_source(PROGRAM.format(expression=expression), options=("-W", "ignore"))
    assert process.returncode == 0, process.stderr
    assert process.stdout.splitlines()[-1].startswith("raised "), process.stdout


LONG_QUEUE = """
import gc
from tulipa._core.scheduler import Scheduler
from tulipa._drivers import make_driver

loop = Scheduler(make_driver())
for _ in range(1_000_000):
    loop.call_soon(print)
del loop
gc.collect()
print("alive")
"""


def test_long_queue_of_a_loop_that_is_never_closed():
    process = run_source(LONG_QUEUE, options=("-W", "ignore"))
    assert (process.returncode, process.stdout.strip()) == (0, "alive"), process.stderr
