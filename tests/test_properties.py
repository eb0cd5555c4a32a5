"""Properties: for any mix of calls, timers, tasks and cancellations the loop does what asyncio does."""

import asyncio
import contextlib
import heapq

import pytest
from helpers.accounting import timer_count, turn
from helpers.cases import STD, cases, tulipa
from hypothesis import given, settings
from hypothesis import strategies as st

if tulipa is None:
    pytest.skip("tulipa is not installed", allow_module_level=True)

few = settings(max_examples=60, deadline=None)
on_every_driver = pytest.mark.parametrize("case", cases(std=False, virtual=True), ids=lambda case: case.id)


# --- timers against a simple model ----------------------------------------------------------------

timer_actions = st.lists(
    st.one_of(
        st.tuples(st.just("soon"), st.none()),
        st.tuples(st.just("later"), st.integers(-2, 30)),
        st.tuples(st.just("at"), st.integers(-2, 30)),
        st.tuples(st.just("cancel"), st.integers(0, 1000)),
    ),
    max_size=60,
)


class Model:
    """What asyncio promises of callbacks and timers: ready ones in order, then by deadline, then in order."""

    def __init__(self):
        self.ready, self.timers, self.cancelled, self.count = [], [], set(), 0

    def add(self, deadline=None):
        if deadline is None:
            self.ready.append(self.count)
        else:
            heapq.heappush(self.timers, (deadline, self.count))
        self.count += 1

    def expected(self):
        timers = [heapq.heappop(self.timers)[1] for _ in range(len(self.timers))]
        return [number for number in self.ready + timers if number not in self.cancelled]


@few
@given(timer_actions)
def test_callbacks_and_timers_run_in_order_on_the_virtual_clock(actions):
    with contextlib.closing(tulipa.EventLoop("virtual")) as loop:
        check_against_the_model(loop, actions)


def check_against_the_model(loop, actions):
    start, handles, ran, model = loop.time(), [], [], Model()
    for action, value in actions:
        number = len(handles)
        if action == "soon":
            handles.append(loop.call_soon(ran.append, number))
            model.add()
        elif action == "later":
            handles.append(loop.call_later(value, ran.append, number))
            model.add(value)
        elif action == "at":
            handles.append(loop.call_at(start + value, ran.append, number))
            model.add(value)
        elif handles:
            handles[value % len(handles)].cancel()
            model.cancelled.add(value % len(handles))
    loop.call_later(40, loop.stop)
    loop.run_forever()
    assert ran == model.expected()
    assert timer_count(loop) == 0


@on_every_driver
@few
@given(st.lists(st.tuples(st.integers(-2000, 0), st.booleans()), max_size=80), st.randoms(use_true_random=False))
def test_cancelled_timers_leave_the_heap_and_the_others_stay_in_order(case, timers, random):
    with contextlib.closing(case()) as loop:
        now, ran = loop.time(), []
        handles = [(loop.call_at(now + when, ran.append, when), when, cancel) for when, cancel in timers]
        kept = [when for _, when, cancel in handles if not cancel]
        doomed = [handle for handle, _, cancel in handles if cancel]
        random.shuffle(doomed)
        for count, handle in enumerate(doomed, 1):
            handle.cancel()
            assert timer_count(loop) == len(handles) - count
        turn(loop)
        assert timer_count(loop) == 0 and ran == sorted(kept)


@on_every_driver
@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 3000), min_size=1, max_size=20))
def test_timers_are_never_early_nor_out_of_order(case, microseconds):
    ran = []

    def note(deadline):
        ran.append((loop.time(), deadline))
        if len(ran) == len(microseconds):
            loop.stop()

    with contextlib.closing(case()) as loop:
        start = loop.time()
        for delay in microseconds:
            deadline = start + delay / 1e6
            loop.call_at(deadline, note, deadline)
        loop.run_forever()
    assert all(time >= deadline for time, deadline in ran)
    assert [deadline for _, deadline in ran] == sorted(deadline for _, deadline in ran)


# --- trees of tasks: the same trace on the standard loop ------------------------------------------

# What a task does, step by step; "spawn" holds the steps of the child.
steps = st.recursive(
    st.sampled_from([
        ("pause",), ("wait", 0), ("wait", 0), ("wait", 1), ("set", 0), ("set", 1), ("fail", 0),
        ("cancel future", 0), ("raise",), ("cancel self",), ("uncancel",), ("cancel child", 0),
        ("await child", 0), ("shield child", 0), ("note",),
    ]).map(lambda step: [step]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda parts: [step for part in parts for step in part]),
        inner.map(lambda body: [("spawn", body)]),
        inner.map(lambda body: [("try", body)]),
        inner.map(lambda body: [("timer", body)]),
    ),
    max_leaves=12,
)


class Trace:
    """Runs a program of steps on a loop and notes everything that can be seen."""

    def __init__(self, loop):
        self.loop = loop
        self.events = []
        self.names = 0
        self.tasks = []

    def note(self, *event):
        self.events.append(event)

    def spawn(self, body):
        name = f"t{self.names}"
        self.names += 1
        task = self.loop.create_task(self.run(name, body), name=name)
        task.add_done_callback(self.ended)
        self.tasks.append(task)
        return task

    def ended(self, task):
        if task.cancelled():
            self.note(task.get_name(), "ended: cancelled", task.cancelling())
        elif task.exception() is not None:
            self.note(task.get_name(), "ended:", type(task.exception()).__name__)
        else:
            self.note(task.get_name(), "ended:", task.result())

    async def run(self, name, body):
        children = []
        try:
            await self.steps(name, body, children)
        except asyncio.CancelledError as error:
            self.note(name, "cancelled", error.args, asyncio.current_task().cancelling())
            raise
        return name

    async def steps(self, name, body, children):
        for number, step in enumerate(body):
            self.note(name, number, step[0])
            await self.step(name, step, children)

    async def step(self, name, step, children):
        kind, *arguments = step
        task = asyncio.current_task()
        if kind == "pause":
            await asyncio.sleep(0)
        elif kind == "wait":
            self.note(name, "got", await self.futures[arguments[0]])
        elif kind in ("set", "fail", "cancel future"):
            self.complete(kind, self.futures[arguments[0]])
        elif kind == "raise":
            raise LookupError(name)
        elif kind == "cancel self":
            self.note(name, task.cancel(f"by {name}"), task.cancelling())
        elif kind == "uncancel":
            self.note(name, task.uncancel() if task.cancelling() > 1 else "nothing to take back")
        elif kind == "spawn":
            children.append(self.spawn(arguments[0]))
        elif kind == "timer":
            self.loop.call_later(0, self.spawn, arguments[0])
        elif kind == "try":
            await self.caught(name, arguments[0], children)
        elif kind != "note" and children:
            await self.with_child(name, kind, children[-1])

    def complete(self, kind, future):
        if future.done():
            return
        if kind == "set":
            future.set_result("value")
        elif kind == "fail":
            future.set_exception(KeyError("failed"))
        else:
            future.cancel("cancelled")

    async def caught(self, name, body, children):
        try:
            await self.steps(name, body, children)
        except (Exception, asyncio.CancelledError) as error:
            self.note(name, "caught", type(error).__name__, error.args)

    async def with_child(self, name, kind, child):
        if kind == "cancel child":
            self.note(name, child.cancel(f"by {name}"))
        elif kind == "await child":
            self.note(name, "child gave", await child)
        else:
            self.note(name, "shielded child gave", await asyncio.shield(child))

    def play(self, bodies):
        """The whole trace; tasks that would wait for ever are cancelled in the end."""
        self.futures = [self.loop.create_future() for _ in range(2)]
        self.loop.set_exception_handler(lambda loop, context: None)
        for body in bodies:
            self.spawn(body)
        turn(self.loop, 40)
        for _ in range(40):
            pending = [task for task in self.tasks if not task.done()]
            for task in pending:
                self.note("end cancels", task.get_name(), task.cancel("end"))
            turn(self.loop, 5)
        self.note("pending", [task.get_name() for task in self.tasks if not task.done()])
        for future in self.futures:
            if future.done() and not future.cancelled():
                future.exception()
        return self.events


def trace_of(case, bodies):
    with contextlib.closing(case()) as loop:
        return Trace(loop).play(bodies)


@on_every_driver
@settings(max_examples=150, deadline=None)
@given(st.lists(steps, min_size=1, max_size=4))
def test_trees_of_tasks_leave_the_same_trace_as_on_the_standard_loop(case, bodies):
    assert trace_of(case, bodies) == trace_of(STD, bodies)
