"""wait, as_completed, gather, shield, ensure_future."""

import asyncio
import gc

import pytest
from helpers.accounting import timer_count
from helpers.running import cancelled, on_loop, turns

pytestmark = pytest.mark.virtual_too

SOON = 0.005
LATE = 1000


async def give(value=None, after=1):
    await turns(after)
    return value


async def fail(error, after=1):
    await turns(after)
    raise error


async def forever():
    await asyncio.get_running_loop().create_future()


# --- wait ------------------------------------------------------------------------------------------------------


@on_loop
async def test_wait_for_all(loop, lib):
    tasks = [loop.create_task(give(number, number)) for number in range(4)] + [loop.create_task(fail(KeyError()))]
    assert await lib.wait(tasks) == (set(tasks), set())
    assert isinstance(tasks[-1].exception(), KeyError)


@on_loop
async def test_wait_for_the_first(loop, lib):
    tasks = [loop.create_task(give(1, 1)), loop.create_task(forever())]
    assert await lib.wait(tasks, return_when=asyncio.FIRST_COMPLETED) == ({tasks[0]}, {tasks[1]})
    assert await lib.wait(tasks, return_when=asyncio.FIRST_COMPLETED) == ({tasks[0]}, {tasks[1]}), "done before"
    await cancelled(tasks[1])


@on_loop
async def test_wait_for_the_first_exception(loop, lib):
    tasks = [loop.create_task(coro) for coro in (give(), fail(KeyError(), 3), forever(), forever())]
    tasks[3].cancel()
    done, pending = await lib.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    assert done == {tasks[0], tasks[1], tasks[3]} and pending == {tasks[2]}
    assert isinstance(tasks[1].exception(), KeyError)
    await cancelled(tasks[2])


@on_loop
async def test_wait_so_long(loop, lib):
    tasks = [loop.create_task(give()), loop.create_task(forever())]
    assert await lib.wait(tasks, timeout=SOON) == ({tasks[0]}, {tasks[1]})
    assert await lib.wait(tasks, timeout=0) == ({tasks[0]}, {tasks[1]})
    assert await lib.wait(tasks[:1], timeout=LATE) == ({tasks[0]}, set())
    assert timer_count(loop) == 0
    await cancelled(tasks[1])


@on_loop
async def test_wait_cancelled_leaves_them_alone(loop, lib):
    inner = loop.create_task(forever())
    outer = loop.create_task(lib.wait([inner], timeout=LATE))
    await turns()
    await cancelled(outer)
    assert not inner.done() and timer_count(loop) == 0 and inner._callbacks is None
    await cancelled(inner)


@on_loop
async def test_wait_for_what_it_cannot(loop, lib):
    future = loop.create_future()
    coro = give()
    with pytest.raises(TypeError, match="expect a list of futures"):
        await lib.wait(future)
    with pytest.raises(TypeError, match="expect a list of futures"):
        await lib.wait(coro)
    with pytest.raises(TypeError, match="forbidden"):
        await lib.wait([coro])
    coro.close()
    with pytest.raises(ValueError, match="empty"):
        await lib.wait([])
    with pytest.raises(ValueError, match="return_when"):
        await lib.wait([future], return_when="never")


@pytest.mark.reference_since(3, 12)
@on_loop
async def test_wait_for_a_generator(loop, lib):
    done, _ = await lib.wait(loop.create_task(give(number)) for number in range(3))
    assert {task.result() for task in done} == {0, 1, 2}


# --- as_completed ----------------------------------------------------------------------------------------------


@on_loop
async def test_as_completed_plain(loop, lib):
    coros = [give("c", 6), give("a", 2), loop.create_task(give("b", 4))]
    assert [await next_one for next_one in lib.as_completed(coros)] == ["a", "b", "c"]


@pytest.mark.reference_since(3, 13)
@on_loop
async def test_as_completed_asynchronous(loop, lib):
    task, done = loop.create_task(give("a", 4)), []
    async for future in lib.as_completed([task, give("b", 2)]):
        assert future.done()
        done.append(future)
    assert [future.result() for future in done] == ["b", "a"] and done[1] is task


@on_loop
async def test_as_completed_with_failures(loop, lib):
    outcomes = []
    for next_one in lib.as_completed([fail(KeyError(), 1), give("b", 3)]):
        try:
            outcomes.append(await next_one)
        except KeyError:
            outcomes.append("failed")
    assert outcomes == ["failed", "b"]


@pytest.mark.reference_since(3, 13)
@on_loop
async def test_as_completed_too_late(loop, lib):
    pending, values = loop.create_task(forever()), []
    with pytest.raises(TimeoutError):
        async for future in lib.as_completed([pending, give("in time")], timeout=SOON):
            values.append(await future)
    assert values == ["in time"] and not pending.done() and pending._callbacks is None
    with pytest.raises(TimeoutError):
        for next_one in lib.as_completed([pending], timeout=0):
            await next_one
    await cancelled(pending)


@on_loop
async def test_as_completed_the_same_twice(loop, lib):
    task = loop.create_task(give("once"))
    assert [await next_one for next_one in lib.as_completed([task, task])] == ["once"]
    assert list(lib.as_completed([])) == []


@pytest.mark.reference_since(3, 13)
@on_loop
async def test_as_completed_of_one(loop, lib):
    coro = give()
    with pytest.raises(TypeError, match="iterable"):
        lib.as_completed(coro)
    coro.close()


@on_loop
async def test_as_completed_left_early(loop, lib):
    tasks = [loop.create_task(give(number, 1 + 3 * number)) for number in range(3)]
    for next_one in lib.as_completed(tasks, timeout=LATE):
        assert await next_one == 0
        break
    await asyncio.wait(tasks)
    await turns()
    assert timer_count(loop) == 0


# --- gather ----------------------------------------------------------------------------------------------------


@on_loop
async def test_gather_in_order(loop, lib):
    future = loop.create_future()
    future.set_result("future")
    task = loop.create_task(give("task", 3))
    assert await lib.gather(give("coroutine", 5), task, future, task) == ["coroutine", "task", "future", "task"]


@on_loop
async def test_gather_closes_what_no_task_is_made_of(loop, lib):
    made = []

    def factory(loop, coro, **kwargs):
        if made:
            raise RuntimeError("enough")
        made.append(asyncio.Task(coro, loop=loop, **kwargs))
        return made[0]

    first, second = give(1), give(2)
    loop.set_task_factory(factory)
    try:
        with pytest.raises(RuntimeError, match="enough"):
            lib.gather(first, second)
    finally:
        loop.set_task_factory(None)
    assert second.cr_frame is None
    assert await made[0] == 1


@pytest.mark.parametrize("wrong", [pytest.param(None, id="None"), pytest.param([], id="unhashable")])
@on_loop
async def test_gather_something_wrong_after_something_that_fails(loop, lib, wrong):
    mine = loop.create_future()
    with pytest.raises(TypeError):
        lib.gather(fail(KeyError(), 0), give(1, 0), mine, wrong)
    mine.set_exception(ValueError())
    del mine
    await turns(5)
    gc.collect()  # the task fails, and nothing is reported: nobody could have asked it


@on_loop
async def test_gather_nothing(loop, lib):
    assert await lib.gather() == []


@on_loop
async def test_gather_the_first_failure(loop, lib):
    other = loop.create_task(give("goes on", 6))
    with pytest.raises(KeyError):
        await lib.gather(other, fail(KeyError()), fail(ValueError(), 3))
    assert not other.done() and await other == "goes on"


@on_loop
async def test_gather_exceptions_as_results(loop, lib):
    task = loop.create_task(forever())
    loop.call_soon(task.cancel)
    results = await lib.gather(give(1), fail(KeyError("key")), task, return_exceptions=True)
    assert [repr(result) for result in results] == ["1", "KeyError('key')", "CancelledError('')"]


@on_loop
async def test_gather_a_cancelled_child(loop, lib):
    task = loop.create_task(forever())
    outer = lib.gather(task, give(1))
    await turns()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await outer
    assert not outer.cancelled(), "it is a failure like another one"


@pytest.mark.parametrize("return_exceptions", [False, True])
@on_loop
async def test_gather_cancelled(loop, lib, return_exceptions):
    tasks = [loop.create_task(forever()) for _ in range(3)]
    outer = lib.gather(*tasks, return_exceptions=return_exceptions)
    await turns()
    assert outer.cancel() is True
    with pytest.raises(asyncio.CancelledError):
        await outer
    assert all(task.cancelled() for task in tasks) and outer.cancel() is False


@on_loop
async def test_gather_cancelled_through_the_task_that_awaits_it(loop, lib):
    tasks = [loop.create_task(forever()) for _ in range(3)]

    async def main():
        await lib.gather(*tasks)

    main_task = loop.create_task(main())
    await turns(2)
    await cancelled(main_task)
    assert main_task.cancelled() and all(task.cancelled() for task in tasks)


@on_loop
async def test_gather_cancelled_when_all_is_done(loop, lib):
    outer = lib.gather(give(1, 0))
    await turns(2)
    assert outer.cancel() is False or outer.done()
    assert await outer == [1]


@on_loop
async def test_gather_children_that_ignore_cancellation(loop, lib):
    async def stubborn():
        try:
            await forever()
        except asyncio.CancelledError:
            return "all the same"

    outer = lib.gather(stubborn(), return_exceptions=True)
    await turns()
    outer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await outer


@on_loop
async def test_gather_is_a_future(loop, lib):
    outer = lib.gather(give(1))
    assert isinstance(outer, asyncio.Future) and asyncio.isfuture(outer) and outer.get_loop() is loop
    assert "GatheringFuture pending" in repr(outer)
    await outer


@on_loop
async def test_gather_of_different_loops(loop, lib, loop_factory):
    other = loop_factory()
    future = other.create_future()
    with pytest.raises(ValueError, match="different loop"):
        lib.gather(loop.create_future(), future)
    other.close()


@on_loop
async def test_gather_futures_that_are_done(loop, lib):
    failed = loop.create_future()
    failed.set_exception(KeyError())
    with pytest.raises(KeyError):
        await lib.gather(failed, give(1, 0))
    await turns(2)


@pytest.mark.std_since(3, 12)
@pytest.mark.reference_since(3, 12)
@on_loop
async def test_gather_eager_tasks(loop, lib, loop_factory):
    loop.set_task_factory(loop_factory.api.eager_task_factory)
    outer = lib.gather(give(1, 0), give(2, 0))
    assert outer.done() and outer.result() == [1, 2]
    assert await lib.gather(give(1, 0), give(2, 1)) == [1, 2]


# --- shield ----------------------------------------------------------------------------------------------------


@on_loop
async def test_shield_passes_the_outcome_on(loop, lib):
    assert await lib.shield(give("value")) == "value"
    with pytest.raises(KeyError):
        await lib.shield(fail(KeyError()))
    done = loop.create_future()
    done.set_result(1)
    assert lib.shield(done) is done


@on_loop
async def test_shield_is_cancelled_alone(loop, lib):
    inner = loop.create_future()
    outer = lib.shield(inner)
    await turns()
    assert outer.cancel() and not inner.cancelled()
    await turns(2)
    inner.set_result("value")
    assert await inner == "value" and outer.cancelled()


@on_loop
async def test_shield_of_what_is_cancelled(loop, lib):
    inner = loop.create_future()
    outer = lib.shield(inner)
    inner.cancel()
    with pytest.raises(asyncio.CancelledError):
        await outer
    assert outer.cancelled()


@pytest.mark.reference_since(3, 14)
@on_loop
async def test_shield_tells_of_a_failure_that_nobody_waits_for(loop, lib, loop_errors):
    inner = loop.create_task(fail(KeyError("late"), 4))
    outers = [lib.shield(inner) for _ in range(2)]
    await turns()
    for outer in outers:
        outer.cancel()
    await asyncio.wait([inner])
    await turns(2)
    (context,) = loop_errors
    assert context["message"] == "KeyError exception in shielded future" and context["future"] is inner
    loop_errors.clear()


# --- ensure_future ---------------------------------------------------------------------------------------------


@on_loop
async def test_ensure_future(loop, lib):
    class Awaitable:
        def __await__(self):
            yield from give("awaitable").__await__()
            return "awaitable"

    future = loop.create_future()
    assert lib.ensure_future(future) is future and lib.ensure_future(future, loop=loop) is future
    task = lib.ensure_future(give("coroutine"), loop=loop)
    assert isinstance(task, asyncio.Task) and await task == "coroutine"
    assert await lib.ensure_future(Awaitable()) == "awaitable"
    future.cancel()


@pytest.mark.reference_since(3, 12)
@on_loop
async def test_ensure_future_of_what_is_not_awaitable(loop, lib):
    for wrong in (5, None, give):
        with pytest.raises(TypeError, match="An asyncio.Future, a coroutine or an awaitable is required"):
            lib.ensure_future(wrong)


@pytest.mark.ours_only
def test_ensure_future_tells_to_call_it(lib, loop):
    with pytest.raises(TypeError, match=r"call it: give\(\)"):
        lib.ensure_future(give, loop=loop)


@on_loop
async def test_ensure_future_of_another_loop(loop, lib, loop_factory):
    other = loop_factory()
    with pytest.raises(ValueError, match="different loop"):
        lib.ensure_future(loop.create_future(), loop=other)
    other.close()
    with pytest.raises(RuntimeError, match="closed"):
        lib.ensure_future(give(), loop=other)
