"""Eager tasks: the first step runs within create_task."""

import asyncio
import contextvars
import gc
import inspect

import pytest
from helpers.accounting import turn
from helpers.cases import tulipa
from helpers.running import on_loop, turns

pytestmark = [pytest.mark.virtual_too, pytest.mark.std_since(3, 12)]


@pytest.fixture
def eager(loop, loop_factory):
    """The loop, with the eager task factory."""
    loop.set_task_factory(loop_factory.api.eager_task_factory)
    return loop


async def give(value):
    return value


async def wait(future):
    return await future


@on_loop
async def test_runs_to_the_first_suspension_at_once(loop, eager):
    order = []

    async def main():
        order.append("first step")
        await asyncio.sleep(0)
        order.append("second step")

    task = loop.create_task(main())
    order.append("created")
    assert not task.done()
    await task
    assert order == ["first step", "created", "second step"]


@on_loop
async def test_may_be_done_at_once(loop, eager):
    task = loop.create_task(give("value"))
    assert task.done() and task.result() == "value"
    assert isinstance(task, asyncio.Task)
    assert await task == "value"


@on_loop
async def test_done_future_is_awaited_without_suspension(loop, eager):
    future = loop.create_future()
    future.set_result(1)
    assert loop.create_task(wait(future)).result() == 1
    assert loop.create_task(wait(loop.create_task(give(2)))).result() == 2


@on_loop
async def test_error_at_once_stays_in_the_task(loop, eager):
    async def main():
        raise ValueError("at once")

    task = loop.create_task(main())
    assert task.done()
    with pytest.raises(ValueError, match="at once"):
        await task


@on_loop
async def test_lost_error_is_reported(loop, eager, loop_errors):
    async def main():
        raise ValueError("lost")

    loop.create_task(main())
    gc.collect()
    assert [context["message"] for context in loop_errors] == ["Task exception was never retrieved"]
    loop_errors.clear()


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_interrupts_pass_through(loop, eager, loop_errors, kind):
    async def inner():
        raise kind("now")

    async def main():
        loop.create_task(inner())

    with pytest.raises(kind, match="now"):
        loop.run_until_complete(main())
    assert asyncio.current_task(loop) is None
    turn(loop)  # the queue still holds the done-callback of the outer task, and with it the exception
    gc.collect()
    loop_errors.clear()  # the inner task keeps its exception as well, and nobody asks for it


@on_loop
async def test_current_task_changes_and_comes_back(loop, eager):
    seen = []

    async def inner():
        seen.append(asyncio.current_task())
        await asyncio.sleep(0)
        seen.append(asyncio.current_task())

    outer = asyncio.current_task()
    task = loop.create_task(inner())
    assert asyncio.current_task() is outer
    await task
    assert seen == [task, task]


@on_loop
async def test_nested(loop, eager):
    order = []

    async def level(number):
        order.append(("in", number))
        if number:
            inner = loop.create_task(level(number - 1))
            assert asyncio.current_task().get_name() == f"level {number}"
            inner.set_name(inner.get_name())
            order.append(("created", number))
            await inner
        order.append(("out", number))

    def named(loop, coroutine, **kwargs):
        number = inspect.getcoroutinelocals(coroutine)["number"]
        return factory(loop, coroutine, **{**kwargs, "name": f"level {number}"})

    factory = loop.get_task_factory()
    loop.set_task_factory(named)
    await loop.create_task(level(3))
    assert order[:4] == [("in", 3), ("in", 2), ("in", 1), ("in", 0)]
    assert order[-1] == ("out", 3)


@on_loop
async def test_all_tasks_knows_the_suspended_only(loop, eager):
    future = loop.create_future()
    waiting = loop.create_task(wait(future))
    finished = loop.create_task(give(1))
    assert asyncio.all_tasks() == {asyncio.current_task(), waiting}
    assert finished.done()
    future.set_result(None)
    await waiting


@on_loop
async def test_is_in_all_tasks_during_its_first_step(loop, eager):
    async def main():
        return asyncio.current_task() in asyncio.all_tasks()

    assert loop.create_task(main()).result() is True


@on_loop
async def test_name_is_there_during_the_first_step(loop, loop_factory):
    async def main():
        return asyncio.current_task().get_name()

    factory = loop_factory.api.eager_task_factory
    assert factory(loop, main(), name="early").result() == "early"
    assert factory(loop, main()).result().startswith("Task-")


@on_loop
async def test_context(loop, loop_factory):
    variable = contextvars.ContextVar("variable", default="default")

    async def main():
        seen = variable.get()
        variable.set("by the task")
        return seen

    factory = loop_factory.api.eager_task_factory
    variable.set("creator")
    assert factory(loop, main()).result() == "creator"
    assert variable.get() == "creator", "the task has a copy"
    context = contextvars.Context()
    task = factory(loop, main(), context=context)
    assert task.result() == "default" and context[variable] == "by the task"
    assert task.get_context() is context


@pytest.mark.std_since(3, 13)
@on_loop
async def test_coroutine_of_one_that_finished_at_once(loop, eager):
    task = loop.create_task(give(1))
    assert task.get_coro() is None
    assert "finished" in repr(task)
    assert task.get_stack() == []
    waiting = loop.create_task(wait(loop.create_future()))
    assert waiting.get_coro() is not None
    waiting.cancel()
    await turns(2)


@on_loop
async def test_done_callbacks_come_from_the_loop(loop, eager):
    calls = []
    task = loop.create_task(give(1))
    task.add_done_callback(calls.append)
    assert calls == []
    await turns(1)
    assert calls == [task]


@on_loop
async def test_cancel_of_a_suspended_one(loop, eager):
    future = loop.create_future()
    task = loop.create_task(wait(future))
    assert task.cancel("message")
    assert future.cancelled()
    with pytest.raises(asyncio.CancelledError, match="message"):
        await task


@on_loop
async def test_cancel_of_a_finished_one(loop, eager):
    task = loop.create_task(give(1))
    assert task.cancel() is False and not task.cancelled()


@on_loop
async def test_self_cancel_in_the_first_step(loop, eager):
    future = loop.create_future()

    async def main():
        asyncio.current_task().cancel("own")
        await future

    task = loop.create_task(main())
    with pytest.raises(asyncio.CancelledError, match="own"):
        await task
    assert task.cancelled() and future.cancelled()


@on_loop
async def test_cancelled_error_out_of_the_first_step(loop, eager):
    async def main():
        raise asyncio.CancelledError

    assert loop.create_task(main()).cancelled()


def test_waits_for_the_loop_when_none_runs(loop, eager):
    task = loop.create_task(give(1))
    assert not task.done()
    turn(loop)
    assert task.result() == 1


@on_loop
async def test_bad_yield_in_the_first_step(loop, eager):
    class Bad:
        def __await__(self):
            yield "bad"

    async def main():
        with pytest.raises(RuntimeError, match="bad yield"):
            await Bad()
        return "went on"

    assert await loop.create_task(main()) == "went on"


@pytest.mark.tulipa_only  # the standard library forgets to reset the future's blocking flag here
@on_loop
async def test_itself_in_the_first_step(loop, eager):
    async def main():
        with pytest.raises(RuntimeError, match="cannot await on itself"):
            await asyncio.current_task()
        return "went on"

    assert await loop.create_task(main()) == "went on"


@on_loop
async def test_gather_task_group_and_timeout(loop, eager):
    order = []

    async def work(name, pauses):
        order.append(name)
        await turns(pauses)
        return name

    assert await asyncio.gather(work("a", 2), work("b", 0), work("c", 1)) == ["a", "b", "c"]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work(name, pauses)) for name, pauses in (("d", 0), ("e", 1))]
    async with asyncio.timeout(10):
        await loop.create_task(work("f", 1))
    assert [task.result() for task in tasks] == ["d", "e"]
    assert "".join(order) == "abcdef"


@on_loop
async def test_constructor_keyword(loop, loop_factory):
    task = loop_factory.api.Task(give(1), loop=loop, eager_start=True)
    assert task.result() == 1
    lazy = loop_factory.api.Task(give(2), loop=loop, eager_start=False)
    assert not lazy.done() and await lazy == 2


@pytest.mark.std_since(3, 14)
@on_loop
async def test_create_task_keyword(loop):
    assert loop.create_task(give(1), eager_start=True).result() == 1
    lazy = loop.create_task(give(2), eager_start=False)
    assert not lazy.done() and await lazy == 2


@pytest.mark.std_since(3, 14)
@on_loop
async def test_eager_factory_can_be_told_to_wait(loop, eager):
    lazy = loop.create_task(give(2), eager_start=False)
    assert not lazy.done() and await lazy == 2


@on_loop
async def test_many_in_a_row(loop, eager):
    tasks = [loop.create_task(give(number)) for number in range(100)]
    assert [task.result() for task in tasks] == list(range(100))


@pytest.mark.tulipa_only
@pytest.mark.skipif(not hasattr(asyncio, "eager_task_factory"), reason="eager tasks came with Python 3.12")
@on_loop
async def test_the_standard_factory_makes_our_tasks(loop):
    """As the loop does without a factory."""
    factory = asyncio.eager_task_factory
    loop.set_task_factory(factory)
    assert loop.get_task_factory() is factory
    task = asyncio.create_task(give(1), name="early")
    assert type(task) is tulipa.Task
    assert isinstance(task, asyncio.Task)
    assert task.result() == 1
    assert task.get_name() == "early"
    loop.set_task_factory(lambda loop, coro, **kwargs: factory(loop, coro, **kwargs))
    assert type(loop.create_task(give(2))) is asyncio.Task  # whoever wraps it sees what it gives


@pytest.mark.tulipa_only
def test_a_factory_that_knows_no_names(loop):
    """Made for Python 3.12 or older; the name is set afterwards."""
    loop.set_task_factory(lambda loop, coro: tulipa.Task(coro, loop=loop))
    task = loop.create_task(asyncio.sleep(0), name="given")
    assert task.get_name() == "given"
    loop.run_until_complete(task)
