"""PEP 3156, "Futures", "Coroutines and the Scheduler": futures, tasks, waiting for several of them, sleeping."""

import asyncio
import concurrent.futures
import gc
import threading

import pytest
from helpers.accounting import turn
from helpers.running import on_loop, turns

pytestmark = pytest.mark.virtual_too


# --- Futures ---------------------------------------------------------------------------------------


def settled(loop):
    """A future with a result, one with an exception, one that is cancelled."""
    result, exception, cancelled = (loop.create_future() for _ in range(3))
    result.set_result("result")
    exception.set_exception(KeyError("exception"))
    cancelled.cancel("message")
    return result, exception, cancelled


def retrieve(*futures):
    for future in futures:
        if not future.cancelled():
            future.exception()


def test_cancel_says_whether_it_did_something(loop):
    future = loop.create_future()
    assert future.cancelled() is future.done() is False
    assert future.cancel() is True
    assert future.cancelled() is future.done() is True
    for done in (future, *settled(loop)):
        was = done.cancelled()
        assert done.cancel() is False
        assert done.cancelled() is was
        retrieve(done)


def test_result_and_exception_give_raise_and_never_wait(loop):
    result, exception, cancelled = settled(loop)
    assert result.result() == "result" and result.exception() is None
    with pytest.raises(KeyError):
        exception.result()
    assert isinstance(exception.exception(), KeyError)
    for method in (cancelled.result, cancelled.exception):
        with pytest.raises(asyncio.CancelledError, match="message"):
            method()
    pending = loop.create_future()
    for method in (pending.result, pending.exception):
        with pytest.raises(asyncio.InvalidStateError):
            method()
        with pytest.raises(TypeError):
            method(1)


def test_a_done_future_takes_no_other_result(loop):
    for done in settled(loop):
        with pytest.raises(asyncio.InvalidStateError):
            done.set_result(None)
        with pytest.raises(asyncio.InvalidStateError):
            done.set_exception(KeyError())
        retrieve(done)


def test_set_exception_takes_classes_and_refuses_what_is_no_exception(loop):
    future = loop.create_future()
    future.set_exception(KeyError)
    assert type(future.exception()) is KeyError
    with pytest.raises(TypeError):
        loop.create_future().set_exception("no exception")


@pytest.mark.std_since(3, 13)
def test_stop_iteration_in_a_future_becomes_a_runtime_error(loop):
    future = loop.create_future()
    future.set_exception(StopIteration("value"))
    assert type(future.exception()) is RuntimeError and type(future.exception().__cause__) is StopIteration


def test_callbacks_get_the_future_and_are_never_called_immediately(loop):
    seen = []
    for future in (loop.create_future(), *settled(loop)):
        future.add_done_callback(seen.append)
        if not future.done():
            future.set_result(None)
        assert seen == []
        turn(loop)
        assert seen == [future]
        seen.clear()
        retrieve(future)


def test_callbacks_run_in_order_and_after_cancel_too(loop):
    seen = []
    future = loop.create_future()
    for number in range(5):
        future.add_done_callback(lambda _, number=number: seen.append(number))
    future.cancel()
    loop.call_soon(seen.append, "after")
    assert seen == []
    turn(loop)
    assert seen == [0, 1, 2, 3, 4, "after"]


def test_remove_done_callback_counts_equal_ones(loop):
    class Equal:
        def __eq__(self, other):
            return isinstance(other, Equal)

        __hash__ = object.__hash__

        def __call__(self, future):
            raise AssertionError("removed")

    seen, future = [], loop.create_future()
    for callback in (Equal(), seen.append, Equal(), Equal()):
        future.add_done_callback(callback)
    assert future.remove_done_callback(Equal()) == 3
    assert future.remove_done_callback(Equal()) == 0
    future.set_result(None)
    turn(loop)
    assert seen == [future]


def test_a_callback_that_fails_leaves_the_others(loop, loop_errors):
    def failing(_):
        raise KeyError

    seen, future = [], loop.create_future()
    future.add_done_callback(failing)
    future.add_done_callback(seen.append)
    future.set_result(None)
    turn(loop)
    assert seen == [future] and type(loop_errors.pop()["exception"]) is KeyError


def test_there_is_no_running_state(loop):
    future = loop.create_future()
    assert not hasattr(future, "running") and not hasattr(future, "set_running_or_notify_cancel")


def test_a_future_belongs_to_a_loop(loop, loop_factory):
    assert loop.create_future().get_loop() is loop_factory.api.Future(loop=loop).get_loop() is loop

    async def main():
        return loop_factory.api.Future()

    assert loop.run_until_complete(main()).get_loop() is loop


def test_concurrent_futures_do_not_take_it(loop):
    future = loop.create_future()
    with pytest.raises(AttributeError):
        concurrent.futures.wait([future], timeout=0)


def test_exceptions_have_their_relations():
    assert issubclass(asyncio.CancelledError, BaseException) and not issubclass(asyncio.CancelledError, Exception)
    assert asyncio.TimeoutError is TimeoutError
    assert issubclass(asyncio.InvalidStateError, Exception)


@on_loop
async def test_futures_are_accepted_by_yield_from(loop):
    def generator(future):
        return (yield from future)

    class ByIteration:
        def __await__(self):
            return generator(future)

    future = loop.create_future()
    loop.call_soon(future.set_result, "result")
    assert await ByIteration() == "result"
    assert iter(future) is not future


def test_an_exception_that_nobody_retrieved_is_reported(loop, loop_errors):
    future = loop.create_future()
    future.set_exception(KeyError("lost"))
    del future
    gc.collect()
    (context,) = loop_errors
    assert type(context["exception"]) is KeyError and context["message"]
    loop_errors.clear()


def test_an_exception_that_was_retrieved_or_awaited_is_not_reported(loop):
    async def awaiting(future):
        with pytest.raises(KeyError):
            await future

    for retrieve in (lambda future: future.exception(), lambda future: pytest.raises(KeyError, future.result)):
        future = loop.create_future()
        future.set_exception(KeyError())
        retrieve(future)
        del future
    future = loop.create_future()
    future.set_exception(KeyError())
    loop.run_until_complete(awaiting(future))
    del future
    gc.collect()


@on_loop
async def test_ensure_future_returns_futures_unchanged_and_wraps_coroutines(loop, aio):
    future = loop.create_future()
    assert aio.ensure_future(future) is future
    future.cancel()
    task = aio.ensure_future(turns(1))
    assert isinstance(task, asyncio.Task) and aio.ensure_future(task) is task
    await task


@on_loop
async def test_wrap_future_makes_a_future_of_a_concurrent_one(loop, aio):
    source = concurrent.futures.Future()
    wrapped = aio.wrap_future(source, loop=loop)
    assert isinstance(wrapped, asyncio.Future) and aio.wrap_future(wrapped) is wrapped
    threading.Thread(target=source.set_result, args=("from a thread",)).start()
    assert await wrapped == "from a thread"
    cancelled = concurrent.futures.Future()
    aio.wrap_future(cancelled, loop=loop).cancel()
    await turns(2)
    assert cancelled.cancelled()


# --- Coroutines --------------------------------------------------------------------------------------


@on_loop
async def test_calling_a_coroutine_does_not_start_it(loop):
    async def function():
        seen.append("started")

    seen = []
    coroutine = function()
    await turns(2)
    assert seen == []
    await coroutine
    task = loop.create_task(function())
    assert seen == ["started"]
    await task
    assert seen == ["started"] * 2


@on_loop
async def test_awaiting_a_future_gives_its_result_or_raises(loop):
    result, exception, cancelled = settled(loop)
    assert await result == "result"
    with pytest.raises(KeyError):
        await exception
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    later = loop.create_future()
    loop.call_soon(later.set_result, "later")
    assert await later == "later"


@on_loop
async def test_awaiting_a_coroutine_gives_what_it_returns_or_raises(loop):
    async def returning():
        await turns(1)
        return "result"

    async def failing():
        await turns(1)
        raise KeyError("raised")

    assert await returning() == "result"
    with pytest.raises(KeyError, match="raised"):
        await failing()


def test_tasks_only_run_while_the_loop_runs(loop):
    async def function():
        seen.append("ran")

    seen = []
    task = loop.create_task(function())
    assert seen == [] and not task.done()
    turn(loop)
    assert seen == ["ran"]


# --- Waiting for Multiple Coroutines --------------------------------------------------------------------


@on_loop
async def test_wait_for_all(loop, aio):
    tasks = [loop.create_task(aio.sleep(0, number)) for number in range(3)]
    done, pending = await aio.wait(tasks)
    assert done == set(tasks) and pending == set()
    future = loop.create_future()
    assert await aio.wait([future], timeout=0.001) == (set(), {future})


@on_loop
async def test_wait_for_the_first_or_the_first_exception(loop, aio):
    pending, cancelled, failing, finished = (loop.create_future() for _ in range(4))
    loop.call_soon(finished.set_result, None)
    done, others = await aio.wait([pending, finished, failing], return_when=aio.FIRST_COMPLETED)
    assert done == {finished} and others == {pending, failing}
    loop.call_soon(cancelled.cancel)
    loop.call_later(0.001, failing.set_exception, KeyError())
    done, others = await aio.wait([pending, cancelled, failing], return_when=aio.FIRST_EXCEPTION)
    assert done == {cancelled, failing} and others == {pending}
    retrieve(failing)
    for name in ("FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED"):
        assert getattr(aio, name) == getattr(concurrent.futures, name)


@on_loop
async def test_as_completed_gives_them_as_they_complete(loop, aio):
    futures = [loop.create_future() for _ in range(3)]
    for number in (2, 0, 1):
        loop.call_later(0.001 * (number + 1), futures[(number + 1) % 3].set_result, number)
    assert [await waited for waited in aio.as_completed(futures)] == [0, 1, 2]
    never = loop.create_future()
    with pytest.raises(TimeoutError):
        for waited in aio.as_completed([never], timeout=0.001):
            await waited


@on_loop
async def test_wait_for_cancels_at_its_timeout_and_shield_prevents_that(loop, aio):
    future, shielded = loop.create_future(), loop.create_future()
    with pytest.raises(TimeoutError):
        await aio.wait_for(future, 0.001)
    assert future.cancelled()
    with pytest.raises(TimeoutError):
        await aio.wait_for(aio.shield(shielded), 0.001)
    assert not shielded.done()
    assert await aio.wait_for(aio.sleep(0, "in time"), 10) == "in time"
    assert await aio.wait_for(aio.sleep(0, "no limit"), None) == "no limit"


@on_loop
async def test_gather_gives_results_in_the_order_of_its_arguments(loop, aio):
    async def after(times, result):
        await turns(times)
        return result

    future = loop.create_future()
    loop.call_soon(future.set_result, "future")
    gathered = aio.gather(after(5, "slow"), future, after(1, "fast"))
    assert asyncio.isfuture(gathered)
    assert await gathered == ["slow", "future", "fast"]
    assert await aio.gather() == []


@on_loop
async def test_gather_takes_the_first_exception_and_the_others_go_on(loop, aio):
    async def failing():
        raise KeyError("first")

    async def going_on():
        await turns(5)
        return "went on"

    other = loop.create_task(going_on())
    with pytest.raises(KeyError, match="first"):
        await aio.gather(other, failing())
    assert not other.done() and await other == "went on"


@on_loop
async def test_shield_passes_the_result_and_keeps_cancellation_out(loop, aio):
    async def work():
        await turns(4)
        return "cached"

    task = loop.create_task(work())
    outer = aio.shield(task)
    await turns(1)
    outer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await outer
    assert not task.cancelled() and await task == "cached"
    assert await aio.shield(task) == "cached"


# --- Sleeping -------------------------------------------------------------------------------------------


@on_loop
async def test_sleep_returns_after_the_delay(loop, aio):
    start = loop.time()
    assert await aio.sleep(0.01) is None
    assert loop.time() - start > 0.009
    assert await aio.sleep(0, "result") == "result"


# --- Tasks ----------------------------------------------------------------------------------------------


@on_loop
async def test_a_task_is_a_future_that_takes_over_the_end_of_its_coroutine(loop, loop_factory):
    async def failing():
        raise KeyError("raised")

    task = loop.create_task(asyncio.sleep(0, "result"))
    failed = loop.create_task(failing())
    assert issubclass(loop_factory.api.Task, loop_factory.api.Future) and isinstance(task, asyncio.Future)
    await turns(3)
    assert task.result() == "result" and task.exception() is None
    assert isinstance(failed.exception(), KeyError)
    for method in (lambda: task.set_result(None), lambda: task.set_exception(KeyError())):
        with pytest.raises(RuntimeError):
            method()


@on_loop
async def test_cancelling_throws_into_the_coroutine(loop):
    async def letting():
        try:
            await loop.create_future()
        finally:
            seen.append("cleaned up")

    async def catching():
        try:
            await loop.create_future()
        except asyncio.CancelledError:
            await turns(2)
            return "ignored"

    seen = []
    tasks = [loop.create_task(letting()), loop.create_task(catching())]
    await turns(1)
    assert [task.cancel() for task in tasks] == [True, True]
    assert [task.cancelled() for task in tasks] == [False, False]
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]
    assert tasks[0].cancelled() and seen == ["cleaned up"]
    assert await tasks[1] == "ignored" and not tasks[1].cancelled()
    assert [task.cancel() for task in tasks] == [False, False]


@on_loop
async def test_a_task_cancelled_before_it_starts_never_does(loop):
    async def function():
        raise AssertionError

    task = loop.create_task(function())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@on_loop
async def test_cancelling_reaches_the_task_that_is_awaited(loop):
    async def outer():
        await inner

    inner = loop.create_task(asyncio.Event().wait())
    task = loop.create_task(outer())
    await turns(2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert inner.cancelled()


@on_loop
async def test_callbacks_can_be_added_to_a_task(loop):
    seen = []
    task = loop.create_task(turns(1))
    task.add_done_callback(seen.append)
    await task
    await turns(1)
    assert seen == [task]


@on_loop
async def test_current_task_in_coroutines_and_none_in_callbacks(loop, aio):
    async def inner():
        return aio.current_task()

    seen = []
    mine = aio.current_task()
    assert await inner() is mine is aio.current_task(loop)
    task = loop.create_task(inner())
    assert await task is task
    loop.call_later(0, lambda: seen.append(aio.current_task()))
    loop.call_soon(lambda: seen.append(aio.current_task(loop)))
    while len(seen) < 2:
        await turns(1)
    assert seen == [None, None]


def test_all_tasks_are_those_that_are_not_done(loop, aio):
    async def main():
        return aio.all_tasks(), aio.current_task()

    finished = loop.create_task(turns(0))
    turn(loop, 2)
    pending = loop.create_task(turns(3))
    inside, main_task = loop.run_until_complete(main())
    assert inside == {pending, main_task} and finished.done()
    assert aio.all_tasks(loop) == {pending}
    turn(loop, 5)
    assert aio.all_tasks(loop) == set()


def test_current_and_all_tasks_as_methods_of_the_class_are_gone(loop_factory):
    assert not hasattr(loop_factory.api.Task, "current_task") and not hasattr(loop_factory.api.Task, "all_tasks")


# --- Interoperability --------------------------------------------------------------------------------------


@on_loop
async def test_a_framework_waits_for_futures_by_callbacks_and_coroutines_for_callbacks_by_futures(loop):
    def framework(callback):
        loop.call_later(0.001, callback, "called back")

    future = loop.create_future()
    framework(future.set_result)
    assert await future == "called back"
    seen = []
    loop.create_task(asyncio.sleep(0, "of a task")).add_done_callback(lambda task: seen.append(task.result()))
    await turns(3)
    assert seen == ["of a task"]
