"""Lock, Event, Condition, Semaphore, BoundedSemaphore."""

import asyncio
import collections
import copy
import pickle
import threading

import pytest
from helpers.running import cancelled, on_loop, turns

pytestmark = pytest.mark.virtual_too


def acquirers(loop, lock, names, order):
    """One task for each name: acquires the lock, notes the name, releases it a turn later."""

    async def use(name):
        async with lock:
            order.append(name)
            await asyncio.sleep(0)

    return [loop.create_task(use(name)) for name in names]


# --- Lock ------------------------------------------------------------------------------------------------------


@on_loop
async def test_lock_is_held_and_given_back(loop, lib):
    lock = lib.Lock()
    assert not lock.locked() and "unlocked" in repr(lock)
    assert await lock.acquire() is True
    assert lock.locked() and repr(lock).endswith("[locked]>")
    lock.release()
    async with lock as nothing:
        assert lock.locked() and nothing is None
    assert not lock.locked()


@on_loop
async def test_lock_is_first_come_first_served(loop, lib):
    lock, order = lib.Lock(), []
    await asyncio.gather(*acquirers(loop, lock, range(10), order))
    assert order == list(range(10)) and not lock.locked()


@on_loop
async def test_lock_not_held_cannot_be_released(loop, lib):
    lock = lib.Lock()
    with pytest.raises(RuntimeError, match="not acquired"):
        lock.release()


@on_loop
async def test_lock_released_is_not_stolen_from_who_waits(loop, lib):
    lock, order = lib.Lock(), []
    await lock.acquire()
    tasks = acquirers(loop, lock, ["first"], order)
    await turns()
    lock.release()
    tasks += acquirers(loop, lock, ["second"], order)
    await lock.acquire()
    assert order == ["first"], "who waited before comes first"
    lock.release()
    await asyncio.gather(*tasks)


@on_loop
async def test_lock_repr_counts_who_waits(loop, lib):
    lock = lib.Lock()
    await lock.acquire()
    tasks = acquirers(loop, lock, range(3), [])
    await turns()
    assert "locked, waiters:3" in repr(lock)
    lock.release()
    await asyncio.gather(*tasks)


@on_loop
async def test_lock_cancelled_while_waiting(loop, lib):
    lock, order = lib.Lock(), []
    await lock.acquire()
    tasks = acquirers(loop, lock, range(3), order)
    await turns()
    await cancelled(tasks[1])
    lock.release()
    await asyncio.gather(tasks[0], tasks[2])
    assert order == [0, 2]


@on_loop
async def test_lock_released_to_one_who_is_cancelled_in_the_same_turn(loop, lib):
    lock, order = lib.Lock(), []
    await lock.acquire()
    tasks = acquirers(loop, lock, range(2), order)
    await turns()
    lock.release()
    tasks[0].cancel()
    await tasks[1]
    assert order == [1] and tasks[0].cancelled() and not lock.locked()


@pytest.mark.ours_only
@on_loop
async def test_lock_released_to_a_coroutine_that_is_closed(loop, lib):
    lock, order = lib.Lock(), []
    await lock.acquire()
    closed = lock.acquire()
    closed.send(None)._asyncio_future_blocking = False
    tasks = acquirers(loop, lock, ["next"], order)
    await turns()
    lock.release()
    closed.close()
    await asyncio.wait(tasks, timeout=1)
    assert order == ["next"]


@on_loop
async def test_lock_in_a_thread_with_another_loop(loop, lib, loop_factory):
    lock = lib.Lock()
    await lock.acquire()
    waiting = loop.create_task(lock.acquire())
    await turns()
    errors = []

    def use_elsewhere():
        other = loop_factory()
        try:
            other.run_until_complete(lock.acquire())
        except RuntimeError as error:
            errors.append(str(error))
        finally:
            other.close()

    thread = threading.Thread(target=use_elsewhere)
    thread.start()
    thread.join()
    assert "is bound to a different event loop" in errors[0]
    await cancelled(waiting)


def test_lock_uncontended_needs_no_loop(lib):
    lock = lib.Lock()
    with pytest.raises(StopIteration):
        lock.acquire().send(None)
    assert lock.locked()


@pytest.mark.ours_only
def test_lock_contended_without_a_loop_says_so(lib):
    lock = lib.Lock()
    lock._locked = True
    with pytest.raises(RuntimeError, match="no running event loop"):
        lock.acquire().send(None)


# --- Event -----------------------------------------------------------------------------------------------------


@on_loop
async def test_event_wakes_all(loop, lib):
    event, woken = lib.Event(), []

    async def wait(name):
        woken.append((name, await event.wait()))

    tasks = [loop.create_task(wait(name)) for name in range(3)]
    await turns()
    assert "unset, waiters:3" in repr(event) and not event.is_set()
    event.set()
    event.set()
    await turns()
    assert woken == [(0, True), (1, True), (2, True)] and event.is_set() and "[set]" in repr(event)
    assert await event.wait() is True
    await asyncio.gather(*tasks)


@on_loop
async def test_event_set_and_cleared_in_one_turn_wakes_all_the_same(loop, lib):
    event = lib.Event()
    task = loop.create_task(event.wait())
    await turns()
    event.set()
    event.clear()
    assert await task is True and not event.is_set()
    task = loop.create_task(event.wait())
    await turns(3)
    assert not task.done()
    await cancelled(task)


@on_loop
async def test_event_wakes_futures_that_others_have_put_into_its_line(loop, lib):
    event, future = lib.Event(), loop.create_future()
    event._waiters.append(future)
    assert "unset, waiters:1" in repr(event)
    task = loop.create_task(event.wait())
    await turns()
    event.set()
    assert await task is True
    await future


@on_loop
async def test_event_takes_a_line_that_others_have_made(loop, lib):
    class Own(lib.Event):
        def __init__(self):
            self._waiters = line
            self._value = False

    line = collections.deque()
    event = Own()
    task = loop.create_task(event.wait())
    await turns()
    assert event._waiters is line and len(line) == 1
    event.set()
    assert await task is True and not line


def test_event_is_made_without_arguments(lib):
    with pytest.raises(TypeError, match=r"Event\.__init__\(\) got an unexpected keyword argument 'loop'"):
        lib.Event(loop=None)

    class Named(lib.Event):
        def __init__(self, name):
            super().__init__()
            self.name = name

    assert not Named("start").is_set() and Named("start").name == "start"


@on_loop
async def test_event_cancelled(loop, lib):
    event = lib.Event()
    tasks = [loop.create_task(event.wait()) for _ in range(3)]
    await turns()
    await cancelled(tasks[1])
    assert "waiters:2" in repr(event)
    event.set()
    tasks[0].cancel()
    assert await tasks[2] is True
    assert tasks[0].cancelled()


# --- Semaphore -------------------------------------------------------------------------------------------------


@on_loop
async def test_semaphore_counts(loop, lib):
    semaphore = lib.Semaphore(2)
    assert "unlocked, value:2" in repr(semaphore)
    assert await semaphore.acquire() is True
    assert not semaphore.locked()
    async with semaphore:
        assert semaphore.locked() and repr(semaphore).endswith("[locked]>")
    semaphore.release()
    semaphore.release()
    assert "value:3" in repr(semaphore), "it may grow"


@on_loop
async def test_semaphore_never_lets_more_in(loop, lib):
    semaphore, inside, most, order = lib.Semaphore(3), set(), [], []

    async def use(name):
        async with semaphore:
            order.append(name)
            inside.add(name)
            most.append(len(inside))
            await turns(name % 3)
            inside.remove(name)

    await asyncio.gather(*(use(name) for name in range(20)))
    assert max(most) == 3 and order == list(range(20))


@on_loop
async def test_semaphore_at_zero(loop, lib):
    semaphore = lib.Semaphore(0)
    task = loop.create_task(semaphore.acquire())
    await turns(2)
    assert not task.done() and "locked, waiters:1" in repr(semaphore)
    semaphore.release()
    assert await task is True


@on_loop
async def test_semaphore_negative(loop, lib):
    with pytest.raises(ValueError, match=">= 0"):
        lib.Semaphore(-1)
    with pytest.raises(ValueError, match=">= 0"):
        lib.BoundedSemaphore(-1)


@on_loop
async def test_semaphore_handed_to_one_who_is_cancelled_goes_to_the_next(loop, lib):
    semaphore, order = lib.Semaphore(0), []
    tasks = acquirers(loop, semaphore, range(3), order)
    await turns()
    semaphore.release()
    tasks[0].cancel()
    await asyncio.gather(*tasks[1:])
    assert order == [1, 2] and tasks[0].cancelled()
    assert await semaphore.acquire() and semaphore.locked()


@on_loop
async def test_semaphore_cancelled_while_waiting(loop, lib):
    semaphore = lib.Semaphore(1)
    await semaphore.acquire()
    tasks = acquirers(loop, semaphore, range(3), [])
    await turns()
    for task in tasks:
        await cancelled(task)
    semaphore.release()
    assert not semaphore.locked() and "value:1" in repr(semaphore)


@on_loop
async def test_semaphore_newcomers_wait_behind_those_who_are_woken(loop, lib):
    semaphore, order = lib.Semaphore(0), []
    tasks = acquirers(loop, semaphore, range(2), order)
    await turns()
    semaphore.release()
    semaphore.release()
    semaphore.release()
    tasks += acquirers(loop, semaphore, [2], order)
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2]


@pytest.mark.ours_only
@on_loop
async def test_semaphore_handed_to_a_coroutine_that_is_closed(loop, lib):
    semaphore, order = lib.Semaphore(0), []
    closed = semaphore.acquire()
    closed.send(None)._asyncio_future_blocking = False
    tasks = acquirers(loop, semaphore, ["next"], order)
    await turns()
    semaphore.release()
    closed.close()
    await asyncio.wait(tasks, timeout=1)
    assert order == ["next"]


@on_loop
async def test_bounded_semaphore(loop, lib):
    semaphore = lib.BoundedSemaphore(1)
    async with semaphore:
        pass
    with pytest.raises(ValueError, match="released too many times"):
        semaphore.release()
    assert isinstance(semaphore, lib.Semaphore)


@pytest.mark.parametrize("name", ["Lock", "Event", "Condition", "Semaphore", "BoundedSemaphore"])
def test_made_without_a_loop(lib, name):
    assert repr(getattr(lib, name)()).endswith("]>")


# --- subclasses, and what `async with` does without a coroutine --------------------------------------------------


@pytest.mark.parametrize("name", ["Lock", "Semaphore", "BoundedSemaphore"])
@on_loop
async def test_async_with_calls_the_methods_of_a_subclass(loop, lib, name):
    calls = []

    class Noted(getattr(lib, name)):
        async def acquire(self):
            calls.append("acquire")
            return await super().acquire()

        def release(self):
            calls.append("release")
            super().release()

    class Again(Noted):
        pass

    for kind in (Noted, Again):
        async with kind():
            calls.append("block")
    assert calls == ["acquire", "block", "release"] * 2


@on_loop
async def test_condition_calls_the_methods_of_its_lock(loop, lib):
    calls = []

    class Noted(lib.Lock):
        async def acquire(self):
            calls.append("acquire")
            return await super().acquire()

    condition = lib.Condition(Noted())
    async with condition:
        waiting = loop.create_task(waits(condition))
    await turns(2)
    async with condition:
        condition.notify()
    await waiting
    assert calls == ["acquire"] * 4  # the one that waits takes it twice


async def waits(condition):
    async with condition:
        await condition.wait()


@pytest.mark.parametrize("name", ["Lock", "Semaphore", "Condition"])
@on_loop
async def test_leaving_what_was_given_back(loop, lib, name):
    lock = getattr(lib, name)()
    if name == "Semaphore":
        async with lock:
            lock.release()
        assert lock._value == 2
        return
    with pytest.raises(RuntimeError):
        async with lock:
            lock.release()
    assert not lock.locked()


@pytest.mark.parametrize("name", ["Lock", "Semaphore"])
@on_loop
async def test_waiting_coroutines_that_are_closed_leave_the_line(loop, lib, name):
    lock = getattr(lib, name)()
    async with lock:
        coroutine = lock.acquire()
        coroutine.send(None)
        assert len(lock._waiters) == 1
        coroutine.close()
        assert not lock._waiters
    async with lock:
        pass


@on_loop
async def test_what_a_task_waits_for_may_be_awaited_by_another(loop, lib):
    lock = lib.Lock()
    await lock.acquire()
    first = loop.create_task(lock.acquire())
    await turns()

    async def watch(future):
        return await future

    second = loop.create_task(watch(first._fut_waiter))
    await turns()
    assert not first.done() and not second.done()
    lock.release()
    assert await first is True
    await second
    assert lock.locked(), "it is the first one's: the other has only looked on"
    lock.release()


# --- copies ----------------------------------------------------------------------------------------------------


def copies(thing):
    return [copy.copy(thing), copy.deepcopy(thing), pickle.loads(pickle.dumps(thing))]


@on_loop
async def test_copies_are_in_the_same_state(loop, lib):
    lock, event, semaphore = lib.Lock(), lib.Event(), lib.BoundedSemaphore(2)
    lock.note = "mine"
    await lock.acquire()
    await semaphore.acquire()
    event.set()
    for other in copies(lock):
        assert other.locked() and other.note == "mine"
        other.release()
    assert lock.locked()
    assert all(other.is_set() for other in copies(event))
    for other in copies(semaphore):
        assert not other.locked()
        await other.acquire()
        assert other.locked()
        other.release()
        other.release()
        with pytest.raises(ValueError):
            other.release()
    assert semaphore._value == 1


@on_loop
async def test_copies_work(loop, lib):
    for lock in copies(lib.Lock()):
        order = []
        await asyncio.gather(*acquirers(loop, lock, "abc", order))
        assert order == list("abc")
    for condition in copies(lib.Condition()):
        async with condition:
            assert condition.locked()
            condition.notify_all()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await condition.wait()
        assert not condition.locked()


# --- async with, taken apart -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Lock", "Semaphore", "Condition"])
@on_loop
async def test_entering_begins_when_it_is_awaited(loop, lib, name):
    lock = getattr(lib, name)()
    await lock.acquire()
    never = lock.__aenter__()
    entering = [asyncio.gather(lock.__aenter__()) for _ in range(2)]
    await turns(2)
    lock.release()
    assert await entering[0] == [None]
    assert lock.locked() and not entering[1].done()
    lock.release()
    assert await entering[1] == [None] and lock.locked()
    lock.release()
    assert await lock.acquire() is True
    if asyncio.iscoroutine(never):
        never.close()


@pytest.mark.parametrize("name", ["Lock", "Semaphore", "Condition"])
@on_loop
async def test_methods_set_on_a_lock_are_used(loop, lib, name):
    lock, calls = getattr(lib, name)(), []
    lock.release = lambda: calls.append("release")
    async with lock:
        assert lock.locked()
    assert calls == ["release"] and lock.locked()
    lock.acquire = lambda: asyncio.sleep(0, calls.append("acquire"))
    async with lock:
        pass
    assert calls == ["release", "acquire", "release"]
