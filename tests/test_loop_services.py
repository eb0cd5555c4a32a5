"""What a loop offers beside running: futures and tasks of its own, task factories, the exception handler."""

import asyncio
import gc
import logging

import pytest
from helpers.accounting import turn
from helpers.running import on_loop

pytestmark = pytest.mark.virtual_too


async def give(value):
    return value


# --- task factories -------------------------------------------------------------------------------


def test_no_task_factory_at_first(loop):
    assert loop.get_task_factory() is None


def test_task_factory_makes_the_tasks(loop, loop_factory):
    made = []

    def factory(loop, coroutine, **kwargs):
        task = loop_factory.api.Task(coroutine, loop=loop, **kwargs)
        made.append((loop, coroutine, task))
        return task

    loop.set_task_factory(factory)
    assert loop.get_task_factory() is factory
    coroutine = give("made")
    task = loop.create_task(coroutine)
    assert made == [(loop, coroutine, task)]
    assert loop.run_until_complete(task) == "made"
    loop.set_task_factory(None)
    assert loop.get_task_factory() is None
    loop.run_until_complete(give(1))
    assert len(made) == 1


def test_task_factory_makes_what_run_until_complete_needs(loop, loop_factory):
    made = []

    def factory(loop, coroutine, **kwargs):
        made.append(coroutine)
        return loop_factory.api.Task(coroutine, loop=loop, **kwargs)

    loop.set_task_factory(factory)
    assert loop.run_until_complete(give(2)) == 2
    assert len(made) == 1


def test_task_factory_gets_the_name_one_way_or_the_other(loop, loop_factory):
    def factory(loop, coroutine, **kwargs):
        return loop_factory.api.Task(coroutine, loop=loop, **kwargs)

    loop.set_task_factory(factory)
    task = loop.create_task(give(1), name="named")
    assert task.get_name() == "named"
    loop.run_until_complete(task)


@pytest.mark.std_since(3, 14)
def test_task_factory_gets_all_keywords(loop, loop_factory):
    seen = []

    def factory(loop, coroutine, *, special=None, **kwargs):
        seen.append((special, sorted(kwargs)))
        return loop_factory.api.Task(coroutine, loop=loop, **kwargs)

    loop.set_task_factory(factory)
    tasks = [
        loop.create_task(give(1), special="special"),
        loop.create_task(give(2), name="name", eager_start=False),
    ]
    assert loop.run_until_complete(asyncio.gather(*tasks)) == [1, 2]
    assert seen == [("special", []), (None, ["eager_start", "name"])]


@pytest.mark.std_since(3, 14)
def test_create_task_refuses_unknown_keywords(loop):
    coroutine = give(1)
    with pytest.raises(TypeError, match="nonsense"):
        loop.create_task(coroutine, nonsense=1)
    coroutine.close()


@pytest.mark.parametrize("wrong", [5, "text", pytest.param(object(), id="object")], ids=repr)
def test_task_factory_must_be_callable(loop, wrong):
    with pytest.raises(TypeError, match="task factory"):
        loop.set_task_factory(wrong)
    assert loop.get_task_factory() is None


def test_error_of_the_task_factory_reaches_the_caller(loop):
    def factory(loop, coroutine, **kwargs):
        coroutine.close()
        raise ValueError("factory")

    loop.set_task_factory(factory)
    with pytest.raises(ValueError, match="factory"):
        loop.create_task(give(1))


# --- exception handler ----------------------------------------------------------------------------


def test_exception_handler_gets_the_context(loop):
    contexts = []

    def handler(loop, context):
        contexts.append((loop, context))

    loop.set_exception_handler(handler)
    assert loop.get_exception_handler() is handler
    context = {"message": "the message", "anything": 1}
    loop.call_exception_handler(context)
    assert contexts == [(loop, context)] and contexts[0][1] is context


def test_no_exception_handler_at_first(loop_factory):
    loop = loop_factory()
    assert loop.get_exception_handler() is None
    loop.close()


@pytest.mark.parametrize("wrong", [5, "text", pytest.param(object(), id="object")], ids=repr)
def test_exception_handler_must_be_callable(loop, wrong):
    with pytest.raises(TypeError, match="callable"):
        loop.set_exception_handler(wrong)


def test_default_handler_logs(loop, caplog):
    loop.set_exception_handler(None)
    assert loop.get_exception_handler() is None

    def fail():
        raise ValueError("the reason")

    loop.call_soon(fail)
    turn(loop)
    (record,) = caplog.records
    assert record.name == "asyncio" and record.levelno == logging.ERROR
    assert "Exception in callback" in record.getMessage() and "fail" in record.getMessage()
    assert record.exc_info[0] is ValueError
    assert "the reason" in caplog.text


def test_default_handler_logs_what_the_context_holds(loop, caplog):
    loop.default_exception_handler({"message": "what happened", "detail": "a detail", "other": 5})
    message = caplog.records[0].getMessage()
    assert message.splitlines() == ["what happened", "detail: 'a detail'", "other: 5"]


def test_default_handler_without_a_message(loop, caplog):
    loop.default_exception_handler({})
    assert caplog.records[0].getMessage() == "Unhandled exception in event loop"


def test_default_handler_shows_where_things_were_made(loop, caplog):
    loop.set_exception_handler(None)
    loop.set_debug(True)
    loop.call_soon(lambda: 1 / 0)
    turn(loop)
    assert "Object created at (most recent call last):" in caplog.text
    assert "test_default_handler_shows_where_things_were_made" in caplog.text


def test_lost_exception_of_a_task_is_logged(loop, caplog):
    async def main():
        raise ValueError("lost")

    loop.set_exception_handler(None)
    loop.create_task(main())
    turn(loop)
    gc.collect()
    assert "Task exception was never retrieved" in caplog.text and "ValueError: lost" in caplog.text


def test_failing_exception_handler_is_logged(loop, caplog):
    def handler(loop, context):
        raise KeyError("in the handler")

    loop.set_exception_handler(handler)
    calls = []
    loop.call_soon(lambda: 1 / 0)
    loop.call_soon(calls.append, "still runs")
    turn(loop)
    assert "Unhandled error in exception handler" in caplog.text
    assert "in the handler" in caplog.text and calls == ["still runs"]
    loop.set_exception_handler(None)


def test_failing_default_handler_is_logged(loop, caplog, monkeypatch):
    def broken(context):
        raise KeyError("in the default handler")

    loop.set_exception_handler(None)
    monkeypatch.setattr(loop, "default_exception_handler", broken)
    loop.call_soon(lambda: 1 / 0)
    turn(loop)
    assert "Exception in default exception handler" in caplog.text


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_interrupt_in_the_exception_handler_passes(loop, kind):
    def handler(loop, context):
        raise kind

    loop.set_exception_handler(handler)
    loop.call_soon(lambda: 1 / 0)
    with pytest.raises(kind):
        loop.run_forever()
    loop.set_exception_handler(None)


# --- futures, tasks, the module's functions -------------------------------------------------------


def test_create_future(loop):
    future = loop.create_future()
    assert future.get_loop() is loop and not future.done()


@on_loop
async def test_asyncio_create_task(loop):
    task = asyncio.create_task(give(1), name="by asyncio")
    assert task.get_name() == "by asyncio" and task.get_loop() is loop
    assert await task == 1


@on_loop
async def test_asyncio_ensure_future(loop):
    task = asyncio.ensure_future(give(1))
    assert isinstance(task, asyncio.Task) and asyncio.ensure_future(task) is task
    assert await task == 1


@pytest.mark.tulipa_only
@on_loop
async def test_asyncio_makes_tasks_of_tulipa(loop, loop_factory):
    api = loop_factory.api
    tasks = [asyncio.create_task(give(1)), asyncio.ensure_future(give(2)), loop.create_task(give(3))]
    assert [type(task) for task in tasks] == [api.Task] * 3
    assert type(loop.create_future()) is api.Future
    assert type(asyncio.current_task()) is api.Task
    assert await asyncio.gather(*tasks) == [1, 2, 3]


@pytest.mark.tulipa_only
def test_driver_name(loop, loop_factory):
    assert loop.driver_name == loop_factory.driver


def test_asyncio_run_on_the_loop(loop_factory):
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        assert runner.run(give(7)) == 7
        assert runner.get_loop() is runner.get_loop()
    assert runner._loop is None or runner._loop.is_closed()
