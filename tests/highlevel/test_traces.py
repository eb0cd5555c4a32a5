"""Random programs leave the same trace with our library, on every loop, as with the standard library's."""

import asyncio
import contextlib
import sys
import types

import pytest
from helpers.accounting import turn
from helpers.cases import STD, cases, tulipa
from hypothesis import example, given, settings
from hypothesis import strategies as st

if tulipa is None:
    pytest.skip("tulipa is not installed", allow_module_level=True)
if sys.version_info < (3, 13):
    pytest.skip("the standard library's version is older than the behaviour", allow_module_level=True)

from tulipa._core import deadline  # noqa: E402
from tulipa._highlevel import gathering, locks, taskgroups, waiting  # noqa: E402

OURS = types.SimpleNamespace(
    TaskGroup=taskgroups.TaskGroup,
    Lock=locks.Lock,
    Semaphore=locks.Semaphore,
    Event=locks.Event,
    gather=gathering.gather,
    shield=gathering.shield,
    wait=waiting.wait,
    wait_for=waiting.wait_for,
    as_completed=waiting.as_completed,
    timeout=deadline.timeout,
)



class PatientTimeout(asyncio.Timeout):
    """The standard library's, but for one known difference: a result that is there is taken first (differences.md)."""

    patient = True

    def _on_timeout(self):
        awaited = self._task._fut_waiter
        if self.patient and awaited is not None and awaited.done() and not awaited.cancelled():
            self.patient = False
            self._timeout_handler = asyncio.get_running_loop().call_soon(self._on_timeout)
        else:
            super()._on_timeout()


# The names of asyncio that the programs use.
REFERENCE = types.SimpleNamespace(**{name: getattr(asyncio, name) for name in vars(OURS)})
REFERENCE.timeout = lambda delay: PatientTimeout(asyncio.get_running_loop().time() + delay)

# What a task does; the parts of a step are the bodies of its children, or of its block.
leaves = st.sampled_from(
    [("pause",), ("pause",), ("raise",), ("cancel self",), ("cancel somebody", 0), ("cancel somebody", 1),
     ("set event",), ("clear event",), ("wait for event",), ("spawned",)]
).map(lambda step: [step])  # fmt: skip
compound = ["group", "gather", "gather all", "shield", "wait", "wait first", "wait for", "as completed", "timeout 0",
            "lock", "semaphore", "try"]  # fmt: skip
bodies = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda parts: [step for part in parts for step in part]),
        st.tuples(st.sampled_from(compound), st.lists(inner, min_size=1, max_size=3)).map(lambda step: [step]),
    ),
    max_leaves=10,
)


class Play:
    """Runs bodies as tasks with a library, and notes everything that happens."""

    def __init__(self, loop, library):
        self.loop = loop
        self.library = library
        self.events = []
        self.tasks = []
        self.lock, self.semaphore, self.event = library.Lock(), library.Semaphore(2), library.Event()

    def note(self, *event):
        self.events.append(event)

    def spawn(self, body, make=None):
        name = f"t{len(self.tasks)}"
        self.tasks.append(None)
        task = (make or self.loop.create_task)(self.run(name, body), name=name)
        self.tasks[int(name[1:])] = task
        task.add_done_callback(lambda task: self.note(name, "ended", self.outcome(task)))
        return task

    def outcome(self, future):
        if future.cancelled():
            return "cancelled"
        return type(future.exception()).__name__ if future.exception() is not None else future.result()

    async def run(self, name, body):
        try:
            await self.steps(name, body)
        except asyncio.CancelledError:
            self.note(name, "cancelled", asyncio.current_task().cancelling())
            raise
        return name

    async def steps(self, name, body):
        for kind, *arguments in body:
            self.note(name, kind)
            await getattr(self, "do_" + kind.replace(" ", "_"))(name, *arguments)

    async def do_pause(self, name):
        await asyncio.sleep(0)

    async def do_raise(self, name):
        raise LookupError(name)

    async def do_cancel_self(self, name):
        asyncio.current_task().cancel()

    async def do_cancel_somebody(self, name, number):
        somebody = self.tasks[(int(name[1:]) + 1 + number) % len(self.tasks)]
        if somebody is not None:
            self.note(name, "cancels", somebody.get_name(), somebody.cancel())

    async def do_set_event(self, name):
        self.event.set()

    async def do_clear_event(self, name):
        self.event.clear()

    async def do_wait_for_event(self, name):
        await self.event.wait()

    async def do_spawned(self, name):
        self.spawn([("pause",)])

    async def do_group(self, name, parts):
        async with self.library.TaskGroup() as group:
            for part in parts[1:2]:  # more of them are cancelled in the order of a set
                self.spawn(part, group.create_task)
            await self.steps(name, parts[0])

    async def do_gather(self, name, parts, return_exceptions=False):
        tasks = [self.spawn(part) for part in parts]
        results = await self.library.gather(*tasks, return_exceptions=return_exceptions)
        self.note(name, [result if isinstance(result, str) else type(result).__name__ for result in results])

    async def do_gather_all(self, name, parts):
        await self.do_gather(name, parts, True)

    async def do_shield(self, name, parts):
        self.note(name, await self.library.shield(self.spawn(parts[0])))

    async def do_wait(self, name, parts, return_when=asyncio.ALL_COMPLETED):
        tasks = [self.spawn(part) for part in parts]
        done, pending = await self.library.wait(tasks, return_when=return_when)
        self.note(name, sorted(task.get_name() for task in done), sorted(task.get_name() for task in pending))

    async def do_wait_first(self, name, parts):
        await self.do_wait(name, parts, asyncio.FIRST_COMPLETED)

    async def do_wait_for(self, name, parts):
        self.note(name, await self.library.wait_for(self.spawn(parts[0]), 1000))

    async def do_as_completed(self, name, parts):
        for next_one in self.library.as_completed([self.spawn(part) for part in parts]):
            with contextlib.suppress(LookupError):
                self.note(name, await next_one)

    async def do_timeout_0(self, name, parts):
        async with self.library.timeout(0) as scope:
            await self.steps(name, parts[0])
        self.note(name, scope.expired())

    async def do_lock(self, name, parts):
        async with self.lock:
            await self.steps(name, parts[0])

    async def do_semaphore(self, name, parts):
        async with self.semaphore:
            await self.steps(name, parts[0])

    async def do_try(self, name, parts):
        try:
            await self.steps(name, parts[0])
        except (Exception, asyncio.CancelledError) as error:
            self.note(name, "caught", describe(error), asyncio.current_task().cancelling())

    def play(self, programs):
        """The trace; whoever would wait for ever is cancelled in the end."""
        self.loop.set_exception_handler(lambda loop, context: None)  # since Python 3.14 a shield reports
        for body in programs:
            self.spawn(body)
        turn(self.loop, 40)
        for _ in range(30):
            for task in [task for task in self.tasks if not task.done()]:
                self.note("end cancels", task.get_name(), task.cancel())
            turn(self.loop, 5)
        self.note("pending", [task.get_name() for task in self.tasks if not task.done()])
        for task in self.tasks:
            if not task.cancelled() and task.done():
                task.exception()
        return self.events


def describe(error):
    if isinstance(error, BaseExceptionGroup):
        return type(error).__name__, [describe(inner) for inner in error.exceptions]
    return type(error).__name__


def trace_of(case, library, programs):
    with contextlib.closing(case()) as loop:
        return Play(loop, library).play(programs)


@pytest.mark.parametrize(
    "case", [case for case in cases(virtual=True) if "selectors" not in case.id], ids=lambda case: case.id
)
@settings(max_examples=150, deadline=None)
@example(programs=[[("timeout 0", [[("wait for event",)]])], [("set event",)]])
@given(programs=st.lists(bodies, min_size=1, max_size=3))
def test_the_same_trace(case, programs):
    assert trace_of(case, OURS, programs) == trace_of(STD, REFERENCE, programs)
