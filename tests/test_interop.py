"""Both worlds mixed: the standard library's tasks, futures and helpers on the loop under test."""

import asyncio
import concurrent.futures
import gc

import pytest
from helpers.accounting import timer_count, turn
from helpers.running import on_loop, turns

pytestmark = pytest.mark.virtual_too

# The standard library's own classes: C where it has them, and what they replace.
STD_TASKS = {"C": asyncio.Task, "Python": asyncio.tasks._PyTask}
STD_FUTURES = {"C": asyncio.Future, "Python": asyncio.futures._PyFuture}
any_std_task = pytest.mark.parametrize("std_task", STD_TASKS.values(), ids=STD_TASKS)
any_std_future = pytest.mark.parametrize("std_future", STD_FUTURES.values(), ids=STD_FUTURES)


async def give(value, pauses=0):
    await turns(pauses)
    return value


async def fail(error):
    raise error


# --- a task of the standard library awaits ours ---------------------------------------------------


@any_std_task
@on_loop
async def test_std_task_awaits_our_future(loop, std_task):
    async def main():
        return await future

    future = loop.create_future()
    task = std_task(main(), loop=loop)
    await turns(1)
    future.set_result("value")
    assert await task == "value"


@any_std_task
@on_loop
async def test_std_task_awaits_our_task(loop, std_task):
    async def main():
        assert await loop.create_task(give("value", 2)) == "value"
        with pytest.raises(KeyError, match="key"):
            await loop.create_task(fail(KeyError("key")))
        return "done"

    assert await std_task(main(), loop=loop) == "done"


@any_std_task
@on_loop
async def test_std_task_is_cancelled_in_our_future(loop, std_task):
    async def main():
        await future

    future = loop.create_future()
    task = std_task(main(), loop=loop)
    await turns(1)
    task.cancel("message")
    assert future.cancelled()
    with pytest.raises(asyncio.CancelledError, match="message"):
        await task


@any_std_task
@on_loop
async def test_std_task_is_the_current_task(loop, std_task):
    async def main():
        assert asyncio.current_task() is asyncio.current_task(loop)
        return asyncio.current_task(), asyncio.all_tasks()

    outer = asyncio.current_task()
    task = std_task(main(), loop=loop)
    assert asyncio.all_tasks() == {outer, task}
    assert await task == (task, {outer, task})
    assert asyncio.current_task() is outer


@any_std_task
def test_std_task_alone_on_the_loop(loop, std_task):
    async def main():
        await asyncio.sleep(0)
        await asyncio.sleep(0.0001)
        return "done"

    assert loop.run_until_complete(std_task(main(), loop=loop)) == "done"


@any_std_task
def test_std_tasks_by_task_factory(loop, std_task):
    loop.set_task_factory(lambda loop, coroutine, **kwargs: std_task(coroutine, loop=loop, **kwargs))

    async def main():
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(give(number, number)) for number in range(4)]
        assert all(type(task) is std_task for task in tasks)
        return [task.result() for task in tasks]

    assert loop.run_until_complete(main()) == [0, 1, 2, 3]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
@any_std_task
def test_std_task_is_left_by_interrupts(loop, std_task, kind):
    task = std_task(fail(kind("now")), loop=loop)
    with pytest.raises(kind, match="now"):
        loop.run_forever()
    assert isinstance(task.exception(), kind)
    assert asyncio.current_task(loop) is None


# --- our tasks await what is of the standard library ----------------------------------------------


@any_std_future
@on_loop
async def test_our_task_awaits_a_std_future(loop, std_future):
    future = std_future(loop=loop)
    loop.call_soon(future.set_result, "value")
    assert await loop.create_task(wait(future)) == "value"
    assert await loop.create_task(wait(future)) == "value"
    failed = std_future(loop=loop)
    loop.call_soon(failed.set_exception, KeyError("key"))
    with pytest.raises(KeyError, match="key"):
        await loop.create_task(wait(failed))


async def wait(future):
    return await future


@any_std_future
@on_loop
async def test_our_task_is_cancelled_in_a_std_future(loop, std_future):
    future = std_future(loop=loop)
    task = loop.create_task(wait(future))
    await turns(1)
    assert task.cancel("message") and future.cancelled()
    with pytest.raises(asyncio.CancelledError, match="message"):
        await task


@any_std_future
@on_loop
async def test_std_future_cancelled_under_our_task(loop, std_future):
    future = std_future(loop=loop)
    task = loop.create_task(wait(future))
    await turns(1)
    future.cancel("theirs")
    with pytest.raises(asyncio.CancelledError, match="theirs"):
        await task
    assert task.cancelled() and task.cancelling() == 0


@any_std_future
@on_loop
async def test_self_cancel_at_a_std_future(loop, std_future):
    async def main():
        asyncio.current_task().cancel("own")
        await future

    future = std_future(loop=loop)
    with pytest.raises(asyncio.CancelledError, match="own"):
        await loop.create_task(main())
    assert future.cancelled()


@any_std_task
@on_loop
async def test_our_task_awaits_a_std_task(loop, std_task):
    async def main():
        return await std_task(give("value", 2), loop=loop)

    assert await loop.create_task(main()) == "value"


@any_std_task
@on_loop
async def test_worlds_nested_and_cancelled_from_the_outside(loop, std_task):
    order = []

    async def level(number):
        try:
            if not number:
                await loop.create_future()
            elif number % 2:
                await std_task(level(number - 1), loop=loop)
            else:
                await loop.create_task(level(number - 1))
        except asyncio.CancelledError as error:
            order.append((number, error.args))
            raise

    task = loop.create_task(level(4))
    await turns(6)
    task.cancel("all")
    with pytest.raises(asyncio.CancelledError, match="all"):
        await task
    assert order == [(number, ("all",)) for number in range(5)]


@any_std_future
@on_loop
async def test_wake_ups_of_both_worlds_share_one_order(loop, std_future):
    order = []

    async def wait_and_note(future, name):
        await future
        order.append(name)

    ours, theirs = loop.create_future(), std_future(loop=loop)
    tasks = [
        loop.create_task(wait_and_note(future, name))
        for future, name in ((theirs, "theirs 1"), (ours, "ours 1"), (theirs, "theirs 2"), (ours, "ours 2"))
    ]
    await turns(1)
    ours.set_result(None)
    theirs.set_result(None)
    await asyncio.wait(tasks)
    assert order == ["ours 1", "ours 2", "theirs 1", "theirs 2"]


@any_std_future
def test_std_future_of_another_loop(loop, loop_factory, std_future):
    other = loop_factory()
    foreign = std_future(loop=other)

    async def main():
        with pytest.raises(RuntimeError, match="attached to a different loop"):
            await foreign
        return "went on"

    assert loop.run_until_complete(main()) == "went on"
    other.close()


def test_task_of_another_loop(loop, loop_factory):
    other = loop_factory()
    foreign = other.create_task(give("value"))

    async def main():
        with pytest.raises(RuntimeError, match="attached to a different loop"):
            await foreign
        return "went on"

    assert loop.run_until_complete(main()) == "went on"
    assert other.run_until_complete(foreign) == "value"
    other.close()


@pytest.mark.tulipa_only
@pytest.mark.parametrize("std_first", [True, False])
def test_futures_of_a_std_loop_and_of_ours_do_not_mix(loop, std_first):
    std_loop = asyncio.SelectorEventLoop()
    running, other = (std_loop, loop) if std_first else (loop, std_loop)
    foreign = other.create_future()

    async def main():
        with pytest.raises(RuntimeError, match="attached to a different loop"):
            await foreign
        return "went on"

    assert running.run_until_complete(main()) == "went on"
    std_loop.close()


@pytest.mark.tulipa_only
def test_our_future_and_task_on_a_std_loop(loop_factory):
    api = loop_factory.api
    std_loop = asyncio.SelectorEventLoop()

    async def main():
        future = api.Future(loop=std_loop)
        std_loop.call_soon(future.set_result, "future")
        task = api.Task(give("task", 2), loop=std_loop)
        assert task in asyncio.all_tasks()
        inner = api.Task(current(), loop=std_loop)
        assert await inner is inner
        failing = api.Task(fail(KeyError("key")), loop=std_loop)
        with pytest.raises(KeyError):
            await failing
        cancelled = api.Task(wait(std_loop.create_future()), loop=std_loop)
        await turns(1)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        return await future, await task

    async def current():
        return asyncio.current_task()

    assert std_loop.run_until_complete(main()) == ("future", "task")
    assert asyncio.all_tasks(std_loop) == set()
    std_loop.close()


# --- helpers of the standard library --------------------------------------------------------------


@on_loop
async def test_gather(loop):
    order = []

    async def work(name, pauses):
        await turns(pauses)
        order.append(name)
        return name

    assert await asyncio.gather(work("a", 3), work("b", 1), loop.create_task(work("c", 2))) == ["a", "b", "c"]
    assert order == ["b", "c", "a"]
    mixed = await asyncio.gather(give(1), fail(KeyError("key")), return_exceptions=True)
    assert mixed[0] == 1 and isinstance(mixed[1], KeyError)
    assert await asyncio.gather() == []


@on_loop
async def test_gather_cancelled(loop):
    futures = [loop.create_future() for _ in range(3)]
    task = asyncio.ensure_future(asyncio.gather(*futures))
    await turns(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert all(future.cancelled() for future in futures)


@on_loop
async def test_wait(loop):
    slow = loop.create_future()
    quick = loop.create_task(give("quick"))
    done, pending = await asyncio.wait([slow, quick], return_when=asyncio.FIRST_COMPLETED)
    assert done == {quick} and pending == {slow}
    done, pending = await asyncio.wait([slow], timeout=0.001)
    assert (done, pending) == (set(), {slow})
    slow.set_result(None)
    assert await asyncio.wait([slow, quick]) == ({slow, quick}, set())


@on_loop
async def test_wait_for(loop):
    assert await asyncio.wait_for(give("value", 1), 30) == "value"
    future = loop.create_future()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(future, 0.001)
    assert future.cancelled()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(loop.create_future(), 0)
    assert timer_count(loop) == 0


@on_loop
async def test_shield(loop):
    future = loop.create_future()
    task = asyncio.ensure_future(asyncio.shield(future))
    await turns(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not future.done()
    future.set_result("kept")
    assert await asyncio.shield(future) == "kept"


@on_loop
async def test_timeout(loop):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await loop.create_future()
    assert asyncio.current_task().cancelling() == 0
    async with asyncio.timeout(None) as scope:
        scope.reschedule(loop.time() + 30)
        await turns(2)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout_at(loop.time() - 1):
            await turns(2)
    assert timer_count(loop) == 0


@on_loop
async def test_timeouts_nested(loop):
    order = []
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            try:
                async with asyncio.timeout(30):
                    await loop.create_future()
            except asyncio.CancelledError:
                order.append("the inner one sees a cancellation")
                raise
    assert len(order) == 1


@on_loop
async def test_task_group(loop):
    async with asyncio.TaskGroup() as group:
        first = group.create_task(give(1, 3), name="first")
        second = group.create_task(give(2))
    assert (first.result(), second.result(), first.get_name()) == (1, 2, "first")


@on_loop
async def test_task_group_cancels_the_rest(loop):
    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(wait(loop.create_future()))
            group.create_task(fail(KeyError("key")))
            await loop.create_future()
    assert [type(error) for error in caught.value.exceptions] == [KeyError]
    assert waiting.cancelled() and asyncio.current_task().cancelling() == 0


@on_loop
async def test_task_group_cancelled_from_outside(loop):
    async def main():
        async with asyncio.TaskGroup() as group:
            inner.append(group.create_task(wait(loop.create_future())))

    inner = []
    task = loop.create_task(main())
    await turns(2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert inner[0].cancelled()


@on_loop
async def test_queue(loop):
    queue = asyncio.Queue(maxsize=2)
    received = []

    async def produce():
        for number in range(10):
            await queue.put(number)
        await queue.put(None)

    async def consume():
        while (number := await queue.get()) is not None:
            received.append(number)
            queue.task_done()

    await asyncio.gather(produce(), consume())
    assert received == list(range(10))


@on_loop
async def test_lock_semaphore_event_condition_barrier(loop):
    order = []
    lock, semaphore, event = asyncio.Lock(), asyncio.Semaphore(2), asyncio.Event()
    condition, barrier = asyncio.Condition(), asyncio.Barrier(3)

    async def work(name):
        async with lock:
            order.append(name)
            await turns(1)
        async with semaphore:
            await turns(1)
        await barrier.wait()
        async with condition:
            await condition.wait_for(event.is_set)

    tasks = [loop.create_task(work(name)) for name in "abc"]
    await turns(20)
    event.set()
    async with condition:
        condition.notify_all()
    await asyncio.wait(tasks)
    assert order == ["a", "b", "c"] and all(task.exception() is None for task in tasks)


@on_loop
async def test_as_completed(loop):
    results = [await future for future in asyncio.as_completed([give("slow", 5), give("quick", 1)])]
    assert results == ["quick", "slow"]


@on_loop
async def test_sleep(loop):
    before = loop.time()
    assert await asyncio.sleep(0.002, "result") == "result"
    assert loop.time() - before >= 0.002


# --- futures of concurrent.futures ----------------------------------------------------------------


@on_loop
async def test_wrap_future(loop):
    source = concurrent.futures.Future()
    wrapped = asyncio.wrap_future(source)
    assert wrapped.get_loop() is loop
    loop.call_soon(source.set_result, "value")
    assert await wrapped == "value"


@on_loop
async def test_wrap_future_passes_cancellation_and_errors(loop):
    source = concurrent.futures.Future()
    wrapped = asyncio.wrap_future(source)
    wrapped.cancel()
    await turns(1)
    assert source.cancelled()
    failing = concurrent.futures.Future()
    failing.set_exception(KeyError("key"))
    with pytest.raises(KeyError):
        await asyncio.wrap_future(failing)


# --- the eager tasks of the standard library ------------------------------------------------------


@pytest.mark.skipif(not hasattr(asyncio, "eager_task_factory"), reason="new in Python 3.12")
@on_loop
async def test_std_eager_task_factory(loop):
    loop.set_task_factory(asyncio.eager_task_factory)
    outer = asyncio.current_task()
    quick, slow = loop.create_task(give("quick")), loop.create_task(give("slow", 2))
    assert quick.done() and not slow.done() and asyncio.current_task() is outer
    assert asyncio.all_tasks() == {outer, slow}
    assert await asyncio.gather(quick, slow) == ["quick", "slow"]


@pytest.mark.skipif(not hasattr(asyncio, "create_eager_task_factory"), reason="new in Python 3.12")
@on_loop
async def test_std_eager_factory_of_our_task(loop, loop_factory):
    loop.set_task_factory(asyncio.create_eager_task_factory(loop_factory.api.Task))
    task = loop.create_task(give("quick"), name="named")
    assert task.done() and task.get_name() == "named"


# --- many of both ---------------------------------------------------------------------------------


def test_tasks_of_both_worlds_interleave(loop):
    order = []

    async def work(name):
        for step in range(3):
            order.append((name, step))
            await asyncio.sleep(0)

    tasks = [
        asyncio.Task(work("std"), loop=loop),
        loop.create_task(work("ours")),
        asyncio.tasks._PyTask(work("std, Python"), loop=loop),
    ]
    turn(loop, 4)
    names = ["std", "ours", "std, Python"]
    assert order == [(name, step) for step in range(3) for name in names]
    assert all(task.done() for task in tasks)
    gc.collect()
