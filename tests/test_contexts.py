"""Contexts, as PEP 567 has them: each callback and task sees the variables of where it was made."""

import asyncio
import contextvars
import socket

import pytest
from helpers.accounting import turn
from helpers.running import on_loop, turns

variable = contextvars.ContextVar("variable", default="default")


@pytest.fixture(autouse=True)
def untouched_variable():
    """What the loop runs may never change the variable of who called it."""
    token = variable.set("outside")
    yield
    assert variable.get() == "outside"
    variable.reset(token)


def look_and_change(seen):
    seen.append(variable.get())
    variable.set("changed by a callback")


SCHEDULERS = {
    "call_soon": lambda loop, *args, **kwargs: loop.call_soon(*args, **kwargs),
    "call_soon_threadsafe": lambda loop, *args, **kwargs: loop.call_soon_threadsafe(*args, **kwargs),
    "call_later": lambda loop, *args, **kwargs: loop.call_later(0, *args, **kwargs),
    "call_at": lambda loop, *args, **kwargs: loop.call_at(0, *args, **kwargs),
}
every_way = pytest.mark.parametrize("schedule", SCHEDULERS.values(), ids=SCHEDULERS)


@pytest.mark.virtual_too
@every_way
def test_callbacks_see_the_variables_of_their_scheduling(loop, schedule):
    seen = []
    schedule(loop, look_and_change, seen)
    token = variable.set("later")
    schedule(loop, look_and_change, seen)
    variable.reset(token)
    turn(loop, 2)
    assert seen == ["outside", "later"]


@pytest.mark.virtual_too
@every_way
def test_callbacks_run_in_the_context_given(loop, schedule):
    seen = []
    context = contextvars.Context()
    schedule(loop, look_and_change, seen, context=context)
    schedule(loop, look_and_change, seen, context=context)
    turn(loop, 2)
    assert seen == ["default", "changed by a callback"]
    assert context[variable] == "changed by a callback"


@pytest.mark.virtual_too
@every_way
def test_a_callback_passes_its_context_on(loop, schedule):
    seen = []

    def first():
        variable.set("set by the first")
        schedule(loop, look_and_change, seen)

    schedule(loop, first)
    turn(loop, 3)
    assert seen == ["set by the first"]


@pytest.mark.virtual_too
@every_way
def test_context_that_is_none_is_a_copy(loop, schedule):
    seen = []
    schedule(loop, look_and_change, seen, context=None)
    turn(loop, 2)
    assert seen == ["outside"]


@pytest.mark.virtual_too
def test_context_is_left_after_an_error(loop, loop_errors):
    def fail():
        variable.set("inside")
        raise ValueError

    loop.call_soon(fail)
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert len(loop_errors) == 1 and variable.get() == "outside"
    loop_errors.clear()


@pytest.mark.virtual_too
def test_tasks_have_a_copy_of_their_own(loop):
    async def main():
        seen = [variable.get()]
        variable.set("inside")
        await asyncio.sleep(0)
        seen.append(variable.get())
        return seen

    tasks = [loop.create_task(main()) for _ in range(2)]
    token = variable.set("after creation")
    for task in tasks:
        assert loop.run_until_complete(task) == ["outside", "inside"]
    variable.reset(token)


@pytest.mark.virtual_too
def test_coroutines_awaited_share_the_context_of_the_task(loop):
    async def inner():
        variable.set("by the inner")

    async def main():
        await inner()
        first = variable.get()
        await loop.create_task(inner_of_a_task())
        return first, variable.get()

    async def inner_of_a_task():
        variable.set("by another task")

    assert loop.run_until_complete(main()) == ("by the inner", "by the inner")


@pytest.mark.virtual_too
def test_task_in_a_given_context(loop):
    async def main(value):
        seen = variable.get()
        variable.set(value)
        await asyncio.sleep(0)
        return seen, variable.get()

    context = contextvars.Context()
    first = loop.create_task(main("first"), context=context)
    assert loop.run_until_complete(first) == ("default", "first")
    second = loop.create_task(main("second"), context=context)
    assert loop.run_until_complete(second) == ("first", "second")
    assert context[variable] == "second"


@pytest.mark.virtual_too
def test_two_tasks_may_share_a_context(loop):
    async def main(value):
        seen = []
        for _ in range(3):
            seen.append(variable.get())
            variable.set(value)
            await asyncio.sleep(0)
        return seen

    context = contextvars.Context()
    tasks = [loop.create_task(main(value), context=context) for value in ("a", "b")]
    loop.run_until_complete(asyncio.wait(tasks))
    assert tasks[0].result() == ["default", "b", "b"]
    assert tasks[1].result() == ["a", "a", "a"]


@pytest.mark.virtual_too
@on_loop
async def test_task_in_the_context_of_its_creator(loop):
    async def child():
        variable.set("by the child")

    await loop.create_task(child(), context=contextvars.copy_context())
    assert variable.get() == "outside"

    async def parent():
        await loop.create_task(child(), context=asyncio.current_task().get_context())
        return variable.get()

    if hasattr(asyncio.current_task(), "get_context"):
        assert await loop.create_task(parent()) == "by the child"


@pytest.mark.virtual_too
def test_done_callbacks_see_the_variables_of_their_adding(loop):
    seen = []
    future = loop.create_future()
    future.add_done_callback(lambda _: look_and_change(seen))

    async def main():
        variable.set("task")
        future.add_done_callback(lambda _: look_and_change(seen))
        variable.set("task, later")
        future.add_done_callback(lambda _: look_and_change(seen), context=contextvars.Context())
        future.set_result(None)

    loop.run_until_complete(main())
    turn(loop)
    assert seen == ["outside", "task", "default"]


@pytest.mark.virtual_too
def test_finally_after_cancel_sees_the_context_of_the_task(loop):
    seen = []

    async def main():
        variable.set("task")
        try:
            await loop.create_future()
        finally:
            seen.append(variable.get())

    task = loop.create_task(main())
    turn(loop)
    loop.call_soon(task.cancel)
    turn(loop, 2)
    assert task.cancelled() and seen == ["task"]


@pytest.mark.virtual_too
def test_asynchronous_generators_run_in_the_context_of_who_asks(loop):
    async def generate():
        for _ in range(3):
            variable.set(variable.get() + "+")
            await asyncio.sleep(0)
            yield variable.get()

    async def main():
        return [value async for value in generate()]

    assert loop.run_until_complete(main()) == ["outside+", "outside++", "outside+++"]


@pytest.mark.virtual_too
@pytest.mark.std_since(3, 12)
def test_exception_handler_runs_in_the_context_of_the_callback(loop):
    seen = []
    loop.set_exception_handler(lambda loop, context: seen.append(variable.get()))
    context = contextvars.copy_context()
    context.run(variable.set, "of the callback")
    loop.call_soon(lambda: 1 / 0, context=context)
    turn(loop)
    assert seen == ["of the callback"]


def test_to_thread_takes_the_context_along(loop):
    async def main():
        variable.set("task")
        seen = await asyncio.to_thread(change_in_thread)
        return seen, variable.get()

    def change_in_thread():
        seen = variable.get()
        variable.set("thread")
        return seen

    assert loop.run_until_complete(main()) == ("task", "task")


def test_run_in_executor_does_not(loop):
    async def main():
        variable.set("task")
        return await loop.run_in_executor(None, variable.get)

    assert loop.run_until_complete(main()) == "default"


def test_reader_and_writer_callbacks(loop):
    ours, theirs = socket.socketpair()
    seen = []

    def ready(name, remove):
        seen.append((name, variable.get()))
        variable.set("changed by a callback")
        remove(ours)
        if len(seen) == 2:
            loop.stop()

    with ours, theirs:
        ours.setblocking(False)
        token = variable.set("reader")
        loop.add_reader(ours, ready, "reader", loop.remove_reader)
        variable.set("writer")
        loop.add_writer(ours, ready, "writer", loop.remove_writer)
        variable.reset(token)
        theirs.send(b"x")
        loop.run_forever()
    assert sorted(seen) == [("reader", "reader"), ("writer", "writer")]


@pytest.mark.virtual_too
@on_loop
async def test_many_tasks_keep_their_values_apart(loop):
    async def main(number):
        variable.set(number)
        for _ in range(5):
            await turns(number % 3)
            assert variable.get() == number
        return number

    assert await asyncio.gather(*map(main, range(50))) == list(range(50))


@pytest.mark.parametrize("callbacks", [1, 2])
def test_a_context_that_is_none_is_reported(loop, callbacks, loop_errors):
    future = loop.create_future()
    for _ in range(callbacks):
        future.add_done_callback(print, context="no context")
    future.set_result(None)
    turn(loop)
    assert [type(context["exception"]) in (AttributeError, TypeError) for context in loop_errors] == [True] * callbacks
    loop_errors.clear()
