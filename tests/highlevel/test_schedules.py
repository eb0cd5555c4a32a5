"""Random schedules with cancellations: what must hold of locks, queues and groups, whoever is cancelled when."""

import asyncio
import contextlib

import pytest
from helpers.accounting import turn
from helpers.cases import cases, tulipa
from hypothesis import given, settings
from hypothesis import strategies as st

if tulipa is None:
    pytest.skip("tulipa is not installed", allow_module_level=True)

from tulipa._highlevel import barrier as barriers  # noqa: E402
from tulipa._highlevel import locks, queues, taskgroups, waiting  # noqa: E402

some = settings(max_examples=50, deadline=None)
on_some_loops = pytest.mark.parametrize(
    "case", [case for case in cases(virtual=True) if "selectors" not in case.id], ids=lambda case: case.id
)
ENOUGH = 80


class Schedule:
    """Plays actions one after the other: starts workers, cancels them, lets the loop turn."""

    def __init__(self, loop):
        self.loop = loop
        self.workers = []

    def start(self, coro):
        self.workers.append(self.loop.create_task(coro))

    def cancel(self, number):
        if self.workers:
            self.workers[number % len(self.workers)].cancel()

    def settle(self):
        turn(self.loop, ENOUGH)
        return [worker for worker in self.workers if not worker.done()]

    def end(self):
        for worker in self.settle():
            worker.cancel()
        assert self.settle() == []
        for worker in self.workers:
            assert worker.cancelled() or worker.exception() is None


def actions(*kinds):
    """Lists of (kind, number), with cancellations and turns of the loop among them."""
    kinds = [*kinds, *kinds, "cancel", "turn"]
    return st.lists(st.tuples(st.sampled_from(kinds), st.integers(0, 30)), max_size=40)


@contextlib.contextmanager
def playing(case, program, starts):
    """Plays `program`; `starts` says what each kind of action does with its number. Gives the schedule."""
    with contextlib.closing(case()) as loop:
        schedule = Schedule(loop)
        for kind, number in program:
            if kind == "cancel":
                schedule.cancel(number)
            elif kind == "turn":
                turn(loop, number % 3 + 1)
            else:
                starts[kind](schedule, number)
        yield schedule
        schedule.end()


class Users:
    """Those who use a lock or semaphore: at most `limit` at a time, in the order in which they came."""

    def __init__(self, lock, limit):
        self.lock = lock
        self.limit = limit
        self.came = []
        self.inside = []
        self.entered = []

    async def use(self, name, turns):
        self.came.append(name)
        async with self.lock:
            self.inside.append(name)
            self.entered.append(name)
            assert len(self.inside) <= self.limit, "mutual exclusion"
            try:
                for _ in range(turns):
                    await asyncio.sleep(0)
            finally:
                self.inside.remove(name)

    def start(self, schedule, number):
        schedule.start(self.use(len(schedule.workers), number % 4))


@on_some_loops
@some
@given(program=actions("use"), limit=st.integers(0, 3))
def test_locks_exclude_serve_in_order_and_lose_no_wake_up(case, program, limit):
    lock = locks.Semaphore(limit) if limit else locks.Lock()
    users = Users(lock, limit or 1)
    with playing(case, program, {"use": users.start}) as schedule:
        assert schedule.settle() == [], "nobody waits for ever"
        assert users.entered == [name for name in users.came if name in users.entered], "first come, first served"
        assert not lock.locked() and not lock._waiters
        assert getattr(lock, "_value", limit) == limit


class Market:
    """Those who put items into a queue, and those who get them."""

    def __init__(self, queue):
        self.queue = queue
        self.made = 0
        self.sent = []
        self.received = []

    async def put(self, item):
        await self.queue.put(item)
        self.sent.append(item)

    async def get(self):
        self.received.append(await self.queue.get())
        self.queue.task_done()

    def start_put(self, schedule, number):
        self.made += 1
        schedule.start(self.put(self.made))

    def start_get(self, schedule, number):
        schedule.start(self.get())

    def put_nowait(self, schedule, number):
        with contextlib.suppress(asyncio.QueueFull):
            self.made += 1
            self.queue.put_nowait(self.made)
            self.sent.append(self.made)

    def get_nowait(self, schedule, number):
        with contextlib.suppress(asyncio.QueueEmpty):
            self.received.append(self.queue.get_nowait())
            self.queue.task_done()


@on_some_loops
@some
@given(program=actions("put", "get", "put now", "get now"), size=st.integers(0, 3), kind=st.sampled_from("QPL"))
def test_queues_deliver_every_item_once_and_leave_nobody_waiting(case, program, size, kind):
    queue = {"Q": queues.Queue, "P": queues.PriorityQueue, "L": queues.LifoQueue}[kind](size)
    market = Market(queue)
    starts = {
        "put": market.start_put, "get": market.start_get, "put now": market.put_nowait, "get now": market.get_nowait
    }  # fmt: skip
    with playing(case, program, starts) as schedule:
        waiting = schedule.settle()
        assert sorted(market.received + list(queue._queue)) == sorted(market.sent), "each item once"
        if kind == "Q":
            assert market.received == market.sent[: len(market.received)], "first in, first out"
        assert not (queue._getters and not queue.empty()), "nobody waits for what is there"
        assert not (queue._putters and not queue.full())
        assert len(queue._getters) + len(queue._putters) == len(waiting)
        assert queue._unfinished_tasks == queue.qsize()
        queue_of_the_rest(schedule, market)


def queue_of_the_rest(schedule, market):
    """`shutdown` ends whoever still waits, and `join`."""

    async def expect_shutdown(coro):
        with contextlib.suppress(queues.QueueShutDown):
            await coro

    schedule.start(expect_shutdown(market.queue.join()))
    if market.queue.empty():
        schedule.start(expect_shutdown(market.queue.get()))
    waiting, schedule.workers = schedule.workers, []
    market.queue.shutdown(immediate=True)
    turn(schedule.loop, ENOUGH)
    assert all(worker.done() for worker in waiting)
    for worker in waiting:
        assert worker.cancelled() or worker.exception() is None or isinstance(worker.exception(), queues.QueueShutDown)


class Signals:
    """Tokens that are given with `notify`, and those who wait for one."""

    def __init__(self):
        self.condition = locks.Condition()
        self.tokens = 0
        self.taken = 0

    async def give(self, number):
        async with self.condition:
            await asyncio.sleep(0)
            self.tokens += number
            self.condition.notify(number)
            await asyncio.sleep(0)

    async def take(self):
        async with self.condition:
            assert self.condition.locked()
            try:
                while not self.tokens:
                    await self.condition.wait()
            finally:
                assert self.condition.locked()
            self.tokens -= 1
            self.taken += 1

    def start_give(self, schedule, number):
        schedule.start(self.give(number % 3))

    def start_take(self, schedule, number):
        schedule.start(self.take())


@on_some_loops
@some
@given(program=actions("give", "take", "take"))
def test_conditions_lose_no_notification(case, program):
    signals = Signals()
    with playing(case, program, {"give": signals.start_give, "take": signals.start_take}) as schedule:
        waiting = schedule.settle()
        assert not (waiting and signals.tokens), "nobody waits while there is a token"
        assert not signals.condition.locked() and len(signals.condition._waiters) == len(waiting)


@on_some_loops
@some
@given(program=actions("wait", "abort", "reset"), parties=st.integers(1, 4))
def test_barriers_open_when_all_are_there_whoever_is_cancelled(case, program, parties):
    barrier, numbers = barriers.Barrier(parties), []

    async def wait():
        with contextlib.suppress(asyncio.BrokenBarrierError):
            numbers.append(await barrier.wait())

    starts = {
        "wait": lambda schedule, number: schedule.start(wait()),
        "abort": lambda schedule, number: schedule.start(barrier.abort()) if number % 5 == 0 else None,
        "reset": lambda schedule, number: schedule.start(barrier.reset()) if number % 3 == 0 else None,
    }
    with playing(case, program, starts) as schedule:
        waiting = schedule.settle()
        assert len(waiting) == barrier.n_waiting < parties
        assert len(barrier._waiters) == len(waiting) and all(number < parties for number in numbers)
        assert not (barrier.broken and waiting)


@on_some_loops
@some
@given(
    children=st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["return", "fail", "cancel self", "swallow"]))),
    block=st.tuples(st.integers(0, 4), st.sampled_from(["return", "fail", "cancel group"])),
    cancelled_after=st.none() | st.integers(0, 6),
)
def test_groups_leave_no_task_and_tell_of_every_failure(case, children, block, cancelled_after):
    failures, tasks, counts = [], [], []

    async def act(turns, end, group=None):
        for _ in range(turns):
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                if end != "swallow":
                    raise
        if end == "fail":
            failures.append(KeyError(len(failures)))
            raise failures[-1]
        if end == "cancel self":
            asyncio.current_task().cancel()
            await asyncio.sleep(0)
        if end == "cancel group":
            group.cancel()

    async def main():
        try:
            async with taskgroups.TaskGroup() as group:
                tasks.extend(group.create_task(act(*child)) for child in children)
                await act(*block, group)
        except ExceptionGroup as caught:
            assert sorted(map(id, caught.exceptions)) == sorted(map(id, failures)) and failures
        else:
            assert not failures
        finally:
            assert all(task.done() for task in tasks)
            counts.append(asyncio.current_task().cancelling())
        await asyncio.sleep(0)

    with contextlib.closing(case()) as loop:
        task = loop.create_task(main())
        if cancelled_after is not None:
            turn(loop, cancelled_after)
            was_cancelled = task.cancel()
        turn(loop, ENOUGH)
        assert task.done()
        if cancelled_after is not None and was_cancelled:
            assert task.cancelled(), "a cancellation from outside is not lost"
        else:
            assert not task.cancelled() and task.exception() is None and counts == [0]


times = st.integers(0, 4)


@settings(max_examples=100, deadline=None)
@given(
    puts=st.lists(times, max_size=6),
    gets=st.lists(st.tuples(times, times, st.none() | times), max_size=6),
    way=st.sampled_from(["coroutine", "task"]),
)
def test_timeouts_and_cancellations_at_any_moment_lose_nothing(puts, gets, way):
    """On a clock that jumps, so that much happens at the very same time."""
    with contextlib.closing(tulipa.EventLoop("virtual")) as loop:
        queue, got, outcomes = queues.Queue(), [], []

        async def get(timeout):
            got.append(await waiting.wait_for(take(), timeout))

        async def take():
            if way == "coroutine":
                return await queue.get()
            future = loop.create_task(queue.get())
            try:
                return await future
            except asyncio.CancelledError:
                if future.done() and not future.cancelled():
                    queue.put_nowait(future.result())  # what came in the end is given back
                raise

        def start(timeout, cancel_after):
            task = loop.create_task(get(timeout))
            outcomes.append([task, False])
            if cancel_after is not None:
                loop.call_later(cancel_after, lambda: outcomes.__setitem__(place, [task, task.cancel()]))
            place = len(outcomes) - 1

        for number, when in enumerate(puts):
            loop.call_later(when, queue.put_nowait, number)
        for when, timeout, cancel_after in gets:
            loop.call_later(when, start, timeout, cancel_after)
        loop.call_later(30, loop.stop)
        loop.run_forever()
        assert sorted(got + list(queue._queue)) == list(range(len(puts)))
        for task, was_cancelled in outcomes:
            assert task.done() and (not was_cancelled or task.cancelled()), "a cancellation is never lost"
            assert task.cancelled() or task.exception() is None or isinstance(task.exception(), TimeoutError)
