"""How long tasks live, what is reported of the lost ones, and how tasks show themselves."""

import asyncio
import gc
import io
import sys
import weakref

import pytest
from helpers.accounting import turn

pytestmark = pytest.mark.virtual_too


async def give(value):
    return value


async def fail(error):
    raise error


async def wait_for_ever(loop):
    await loop.create_future()


# --- lifetime -------------------------------------------------------------------------------------


@pytest.mark.tulipa_only
def test_a_pending_task_survives_without_references(loop):
    task = loop.create_task(wait_for_ever(loop), name="survivor")
    reference = weakref.ref(task)
    del task
    turn(loop)
    for _ in range(3):
        gc.collect()
    assert reference() is not None, "the loop holds its tasks until they are done"
    assert [task.get_name() for task in asyncio.all_tasks(loop)] == ["survivor"]
    reference().cancel()
    turn(loop, 2)
    gc.collect()
    assert reference() is None


@pytest.mark.tulipa_only
def test_a_task_held_by_a_cycle_only_survives(loop):
    class Holder:
        pass

    async def wait(holder):
        holder.future = loop.create_future()
        await holder.future
        done.append("resumed")

    done = []
    holder = Holder()
    holder.task = loop.create_task(wait(holder))
    reference = weakref.ref(holder)
    turn(loop)
    del holder
    gc.collect()
    assert reference() is not None
    reference().future.set_result(None)
    turn(loop)
    assert done == ["resumed"]
    gc.collect()
    assert reference() is None


@pytest.mark.parametrize("coroutine", [lambda: give(1), lambda: fail(ValueError())], ids=["result", "error"])
def test_a_finished_task_dies_with_its_last_reference(loop, coroutine):
    gc.disable()
    try:
        task = loop.create_task(coroutine())
        turn(loop)
        task.exception()
        reference = weakref.ref(task)
        del task
        assert reference() is None, "no cycle that only the collector could free"
    finally:
        gc.enable()


def test_a_finished_task_lets_go_of_what_it_awaited(loop):
    class Value:
        pass

    async def main():
        value = Value()
        references.append(weakref.ref(value))
        future = loop.create_future()
        loop.call_soon(future.set_result, value)
        del value
        await future

    references = []
    task = loop.create_task(main())
    loop.run_until_complete(task)
    gc.collect()
    assert references[0]() is None


# --- reports --------------------------------------------------------------------------------------


def test_exception_never_retrieved_is_reported(loop, loop_errors):
    error = ValueError("lost")
    loop.create_task(fail(error))
    turn(loop)
    gc.collect()
    (context,) = loop_errors
    assert context["message"] == "Task exception was never retrieved"
    assert context["exception"] is error
    assert isinstance(context["future"], asyncio.Task)
    loop_errors.clear()


def test_each_of_several_lost_exceptions_is_reported(loop, loop_errors):
    for _ in range(3):  # in the same memory, perhaps
        loop.create_task(fail(ValueError("lost")))
        turn(loop)
        gc.collect()
    assert [context["message"] for context in loop_errors] == ["Task exception was never retrieved"] * 3
    loop_errors.clear()


def test_exception_seen_by_an_awaiter_is_not_reported(loop):
    async def main():
        try:
            await loop.create_task(fail(ValueError("seen")))
        except ValueError:
            return "seen"

    assert loop.run_until_complete(main()) == "seen"
    gc.collect()


def test_cancelled_tasks_go_silently(loop):
    loop.create_task(give(1)).cancel()
    turn(loop, 2)
    gc.collect()


def lose_a_pending_task(loop_factory, debug=False):
    """A task that is still waiting when its loop is closed and all references are gone; what is reported."""
    reports = []
    loop = loop_factory()
    loop.set_debug(debug)
    loop.set_exception_handler(lambda loop, context: reports.append(context))
    task = loop.create_task(wait_for_ever(loop), name="lost")
    turn(loop)
    loop.close()
    del task, loop
    gc.collect()
    return reports


def test_pending_task_destroyed_is_reported_once(loop_factory):
    reports = lose_a_pending_task(loop_factory)
    assert [context["message"] for context in reports] == ["Task was destroyed but it is pending!"]
    assert reports[0]["task"].get_name() == "lost"
    reports.clear()
    gc.collect()
    assert reports == []


def test_pending_task_destroyed_is_reported_with_its_origin_in_debug_mode(loop_factory):
    (context,) = lose_a_pending_task(loop_factory, debug=True)
    assert __file__ in [frame.filename for frame in context["source_traceback"][-2:]]


def test_finally_of_a_destroyed_task_still_runs(loop_factory):
    async def main(loop):
        try:
            await loop.create_future()
        finally:
            order.append("finally")

    order = []
    loop = loop_factory()
    loop.set_exception_handler(lambda loop, context: None)
    loop.create_task(main(loop))
    turn(loop)
    loop.close()
    del loop
    gc.collect()
    assert order == ["finally"]


@pytest.mark.usefixtures("without_debug")
def test_source_traceback_leads_to_the_creation(loop):
    task = loop.create_task(give(1))
    assert task._source_traceback is None
    loop.run_until_complete(task)
    loop.set_debug(True)
    task = loop.create_task(give(1))
    assert task._source_traceback[-1].filename == __file__
    loop.run_until_complete(task)


# --- stacks ---------------------------------------------------------------------------------------


async def suspended(future):
    await future


def test_stack_of_a_suspended_task(loop):
    future = loop.create_future()
    task = loop.create_task(suspended(future))
    turn(loop)
    (frame,) = task.get_stack()
    assert frame.f_code.co_name == "suspended"
    output = io.StringIO()
    task.print_stack(file=output)
    assert "Stack for <Task pending" in output.getvalue()
    assert "in suspended" in output.getvalue() and "await future" in output.getvalue()
    future.set_result(None)
    loop.run_until_complete(task)


def test_stack_of_a_finished_task(loop):
    task = loop.create_task(give(1))
    loop.run_until_complete(task)
    assert task.get_stack() == []
    output = io.StringIO()
    task.print_stack(file=output)
    assert output.getvalue().startswith("No stack for <Task finished")


def test_stack_of_a_failed_task(loop):
    async def inner():
        raise ValueError("the reason")

    async def outer():
        await inner()

    task = loop.create_task(outer())
    turn(loop)
    assert [frame.f_code.co_name for frame in task.get_stack()] == ["outer", "inner"]
    assert [frame.f_code.co_name for frame in task.get_stack(limit=1)] == ["outer"]
    output = io.StringIO()
    task.print_stack(file=output)
    assert "Traceback for <Task finished" in output.getvalue()
    assert "ValueError: the reason" in output.getvalue()
    assert task.exception()


def test_print_stack_goes_to_the_output(loop, capsys):
    task = loop.create_task(give(1))
    loop.run_until_complete(task)
    task.print_stack()
    assert "No stack" in capsys.readouterr().out


def test_stack_from_within(loop):
    async def main():
        return asyncio.current_task().get_stack()[-1] is sys._getframe()

    assert loop.run_until_complete(main())


# --- repr -----------------------------------------------------------------------------------------


def test_repr_through_a_life(loop):
    future = loop.create_future()
    task = loop.create_task(suspended(future), name="named")
    assert repr(task).startswith("<Task pending name='named' coro=<suspended() running at ")
    assert "test_task_lifetime.py" in repr(task) and "wait_for" not in repr(task)
    turn(loop)
    assert "wait_for=<Future pending" in repr(task)
    task.add_done_callback(print)
    assert "cb=[" in repr(task) and "print" in repr(task)
    task.cancel()
    assert repr(task).startswith("<Task cancelling name='named'")
    turn(loop, 2)
    assert repr(task).startswith("<Task cancelled name='named' coro=<suspended() done, defined at ")


@pytest.mark.usefixtures("without_debug")
def test_repr_of_finished_tasks(loop):
    task = loop.create_task(give("value"), name="named")
    loop.run_until_complete(task)
    assert repr(task).startswith("<Task finished name='named' coro=<give() done, defined at ")
    assert repr(task).endswith(" result='value'>")
    task = loop.create_task(fail(ValueError("why")))
    turn(loop)
    assert repr(task).endswith(" exception=ValueError('why')>")
    assert task.exception()


def test_repr_of_a_subclass(loop, loop_factory):
    class Special(loop_factory.api.Task):
        pass

    task = Special(give(1), loop=loop)
    assert repr(task).startswith("<Special pending")
    loop.run_until_complete(task)
