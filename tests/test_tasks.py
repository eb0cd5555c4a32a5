"""Tasks: running coroutines, awaiting, names, what they tell of themselves."""

import asyncio
import collections.abc
import contextvars
import gc
import inspect
import types
import weakref

import pytest
from helpers.accounting import turn
from helpers.running import on_loop, turns

pytestmark = pytest.mark.virtual_too


async def give(value):
    return value


async def fail(error):
    raise error


# --- running --------------------------------------------------------------------------------------


def test_is_a_task_of_asyncio(loop, loop_factory):
    task = loop.create_task(give(1))
    assert isinstance(task, asyncio.Task) and isinstance(task, asyncio.Future)
    assert isinstance(task, loop_factory.api.Task) and isinstance(task, loop_factory.api.Future)
    assert asyncio.isfuture(task)
    assert task.get_loop() is loop
    loop.run_until_complete(task)


def test_starts_with_the_next_turn(loop):
    order = []

    async def main():
        order.append("task")

    task = loop.create_task(main())
    loop.call_soon(order.append, "callback")
    assert order == [] and not task.done()
    turn(loop)
    assert order == ["task", "callback"] and task.done()


@pytest.mark.parametrize("value", [None, 5, (1, 2), ValueError("as a value"), StopIteration(3)])
def test_result(loop, value):
    task = loop.create_task(give(value))
    assert loop.run_until_complete(task) is value
    assert task.result() is value and task.exception() is None
    assert task.done() and not task.cancelled()


def test_exception(loop):
    error = KeyError("key")
    task = loop.create_task(fail(error))
    with pytest.raises(KeyError) as caught:
        loop.run_until_complete(task)
    assert caught.value is error and task.exception() is error
    assert task.done() and not task.cancelled()


def test_traceback_leads_to_the_raise(loop):
    async def outer():
        await fail(ValueError("deep"))

    task = loop.create_task(outer())
    turn(loop)
    names, traceback = [], task.exception().__traceback__
    while traceback is not None:
        names.append(traceback.tb_frame.f_code.co_name)
        traceback = traceback.tb_next
    assert names[-2:] == ["outer", "fail"]


def test_tasks_run_in_the_order_of_creation(loop):
    order = []

    async def run(name, turns_left):
        for left in range(turns_left):
            order.append((name, left))
            await asyncio.sleep(0)

    tasks = [loop.create_task(run(name, 2)) for name in "abc"]
    turn(loop, 3)
    assert order == [("a", 0), ("b", 0), ("c", 0), ("a", 1), ("b", 1), ("c", 1)]
    assert all(task.done() for task in tasks)


def test_one_step_a_turn(loop):
    steps = []

    async def main():
        for step in range(4):
            steps.append(step)
            await asyncio.sleep(0)

    task = loop.create_task(main())
    for count in range(1, 5):
        turn(loop)
        assert len(steps) == count
    turn(loop)
    assert task.done()


def test_deep_chain_of_awaits(loop):
    async def dig(depth):
        if depth:
            return await dig(depth - 1) + 1
        await asyncio.sleep(0)
        return 0

    assert loop.run_until_complete(dig(300)) == 300


def test_generator_based_coroutine_yields_bare(loop):
    @types.coroutine
    def pause():
        yield
        yield None

    async def main():
        await pause()
        return "done"

    task = loop.create_task(main())
    turn(loop, 2)
    assert not task.done()
    turn(loop)
    assert task.result() == "done"


def test_coroutine_of_another_make(loop):
    class Made(collections.abc.Coroutine):
        """A coroutine as compilers other than CPython's make them."""

        def __init__(self):
            self.sent = []

        def send(self, value):
            self.sent.append(value)
            if len(self.sent) == 3:
                raise StopIteration("made")

        def throw(self, kind, value=None, traceback=None):
            raise kind if value is None else value

        def close(self):
            pass

        def __await__(self):
            return self

    coroutine = Made()
    task = loop.create_task(coroutine)
    assert loop.run_until_complete(task) == "made"
    assert coroutine.sent == [None, None, None]
    assert task.get_coro() is coroutine


def test_stop_iteration_out_of_a_coroutine(loop):
    task = loop.create_task(fail(StopIteration()))
    with pytest.raises(RuntimeError, match="StopIteration"):
        loop.run_until_complete(task)


def test_other_base_exceptions_end_the_task_not_the_loop(loop):
    class Unusual(BaseException):
        pass

    task = loop.create_task(fail(Unusual()))
    turn(loop)
    assert isinstance(task.exception(), Unusual)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_interrupts_end_the_task_and_leave_the_loop(loop, kind):
    task = loop.create_task(fail(kind("now")))
    with pytest.raises(kind, match="now"):
        loop.run_forever()
    assert type(task.exception()) is kind
    assert loop.run_until_complete(give("the loop still works")) == "the loop still works"


# --- awaiting -------------------------------------------------------------------------------------


@on_loop
async def test_await_of_a_task(loop):
    assert await loop.create_task(give(3)) == 3
    error = ValueError()
    with pytest.raises(ValueError) as caught:
        await loop.create_task(fail(error))
    assert caught.value is error


@on_loop
async def test_many_await_one_task(loop):
    async def slow():
        await turns(3)
        return "slow"

    async def wait(number):
        order.append((number, await slow_task))

    order = []
    slow_task = loop.create_task(slow())
    waiting = [loop.create_task(wait(number)) for number in range(4)]
    await asyncio.wait(waiting)
    assert order == [(number, "slow") for number in range(4)]


@on_loop
async def test_await_of_an_object_with_await(loop):
    class Awaitable:
        def __init__(self, future):
            self.future = future

        def __await__(self):
            value = yield from self.future
            return ("wrapped", value)

    future = loop.create_future()
    loop.call_soon(future.set_result, 1)
    assert await Awaitable(future) == ("wrapped", 1)


@on_loop
async def test_await_of_what_is_not_awaitable(loop):
    async def main():
        try:
            await 5
        except TypeError as error:
            return str(error)

    assert "await" in await loop.create_task(main())


@types.coroutine
def hand_over(value):
    return (yield value)


@pytest.mark.parametrize("value", [5, "text", pytest.param(object(), id="object"), (), 0, False], ids=repr)
def test_bad_yield_is_thrown_in_where_it_happened(loop, value):
    async def main():
        with pytest.raises(RuntimeError, match="bad yield"):
            await hand_over(value)
        return "went on"

    assert loop.run_until_complete(main()) == "went on"


def test_yield_of_a_generator(loop):
    async def main():
        with pytest.raises(RuntimeError, match="yield from|bad yield"):
            await hand_over(value for value in ())
        return "went on"

    assert loop.run_until_complete(main()) == "went on"


def test_yield_of_a_future_that_nobody_awaits(loop):
    async def main():
        with pytest.raises(RuntimeError, match="yield"):
            await hand_over(loop.create_future())
        return "went on"

    assert loop.run_until_complete(main()) == "went on"


def test_task_cannot_await_itself(loop):
    async def main():
        with pytest.raises(RuntimeError, match="(?i)cannot await on itself"):
            await asyncio.current_task()
        return "went on"

    assert loop.run_until_complete(main()) == "went on"


def test_future_of_another_loop(loop, loop_factory):
    other = loop_factory()
    foreign = other.create_future()

    async def main():
        with pytest.raises(RuntimeError, match="attached to a different loop"):
            await foreign
        return "went on"

    assert loop.run_until_complete(main()) == "went on"
    other.close()


@pytest.mark.parametrize("kind", ["Future", "Task", "subclass"])
def test_future_that_was_never_initialised(loop, loop_factory, kind):
    class WithoutInit(loop_factory.api.Future):
        def __init__(self):
            pass

    kind = WithoutInit if kind == "subclass" else getattr(loop_factory.api, kind)

    async def main():
        with pytest.raises(RuntimeError, match="not initialized"):
            await kind.__new__(kind)
        return "went on"

    assert loop.run_until_complete(main()) == "went on"


# --- construction ---------------------------------------------------------------------------------


async def coroutine_function():
    pass


async def asynchronous_generator():
    yield


@pytest.mark.parametrize("wrong", [
    None, 5, "text", coroutine_function, asynchronous_generator, asynchronous_generator(), object(), (),
], ids=lambda wrong: type(wrong).__name__)
def test_only_coroutines_make_tasks(loop, wrong):
    with pytest.raises(TypeError, match="a coroutine was expected"):
        loop.create_task(wrong)
    turn(loop)
    gc.collect()


@pytest.mark.tulipa_only
def test_a_function_instead_of_a_coroutine_gets_a_hint(loop):
    with pytest.raises(TypeError, match=r"coroutine_function\(\)"):
        loop.create_task(coroutine_function)


def test_a_future_is_no_coroutine(loop):
    with pytest.raises(TypeError, match="a coroutine was expected"):
        loop.create_task(loop.create_future())


def test_closed_loop_takes_no_tasks(loop_factory):
    loop = loop_factory()
    loop.close()
    coroutine = give(1)
    with pytest.raises(RuntimeError, match="closed"):
        loop.create_task(coroutine)
    coroutine.close()


def test_constructor(loop, loop_factory):
    task = loop_factory.api.Task(give(1), loop=loop, name="constructed")
    assert task.get_name() == "constructed" and task in asyncio.all_tasks(loop)
    assert loop.run_until_complete(task) == 1


@on_loop
async def test_constructor_finds_the_running_loop(loop, loop_factory):
    task = loop_factory.api.Task(give(1))
    assert task.get_loop() is loop and await task == 1


def test_constructor_keywords_are_keywords(loop, loop_factory):
    coroutine = give(1)
    with pytest.raises(TypeError):
        loop_factory.api.Task(coroutine, loop)
    coroutine.close()


def test_subclass_by_task_factory(loop, loop_factory):
    class Special(loop_factory.api.Task):
        tag = "special"

        def get_name(self):
            return "special " + super().get_name()

    loop.set_task_factory(lambda loop, coroutine, **kwargs: Special(coroutine, loop=loop, **kwargs))
    task = loop.create_task(give(4), name="task")
    task.attribute = "attribute"
    assert type(task) is Special and task.attribute == "attribute"
    assert task.get_name() == "special task"
    assert loop.run_until_complete(task) == 4


def test_attributes_weak_references_and_hash(loop):
    task = loop.create_task(give(1))
    task.attribute = [1]
    assert task.attribute == [1]
    assert weakref.ref(task)() is task
    assert {task: "value"}[task] == "value"
    assert weakref.WeakKeyDictionary({task: 1})[task] == 1
    loop.run_until_complete(task)


def test_generic_alias(loop_factory):
    assert isinstance(loop_factory.api.Task[int], types.GenericAlias)


def test_results_cannot_be_set_from_outside(loop):
    task = loop.create_task(give("own"))
    with pytest.raises(RuntimeError, match="set_result"):
        task.set_result("other")
    with pytest.raises(RuntimeError, match="set_exception"):
        task.set_exception(ValueError())
    assert loop.run_until_complete(task) == "own"


# --- names, coroutine, context --------------------------------------------------------------------


def test_names(loop):
    task = loop.create_task(give(1), name="mine")
    assert task.get_name() == "mine"
    task.set_name("yours")
    assert task.get_name() == "yours"
    task.set_name(("not", "text"))
    assert task.get_name() == "('not', 'text')"
    number = loop.create_task(give(1), name=7)
    assert number.get_name() == "7"
    loop.run_until_complete(asyncio.gather(task, number))


def test_keywords_in_any_order_and_spelling(loop):
    variable = contextvars.ContextVar("variable", default="outside")
    context = contextvars.copy_context()
    context.run(variable.set, "inside")

    async def look():
        return variable.get()

    options = {"".join(["na", "me"]): "mine", "".join(["con", "text"]): context}  # not the interpreter's own strings
    tasks = [
        loop.create_task(look(), name="mine", context=context),
        loop.create_task(look(), context=context, name="mine"),
        loop.create_task(look(), **options),
        loop.create_task(coro=look(), name="mine", context=context),
        type(loop).create_task(loop, look(), context=context, name="mine"),
    ]
    assert [task.get_name() for task in tasks] == ["mine"] * 5
    assert loop.run_until_complete(asyncio.gather(*tasks)) == ["inside"] * 5
    alone = loop.create_task(look(), name=None, context=None)
    assert loop.run_until_complete(alone) == "outside"


def test_wrong_arguments_are_refused(loop):
    coroutine = give(1)
    for args, keywords in [((), {}), ((coroutine, "name"), {}), ((coroutine,), {"nam": 1}), ((), {"name": 1})]:
        with pytest.raises(TypeError):
            loop.create_task(*args, **keywords)
    for args in [(), (loop,), (None, coroutine)]:
        with pytest.raises((TypeError, AttributeError)):
            type(loop).create_task(*args)
    coroutine.close()


def test_default_names_are_numbered(loop):
    tasks = [loop.create_task(give(1)) for _ in range(3)]
    numbers = [int(task.get_name().removeprefix("Task-")) for task in tasks]
    assert numbers == sorted(set(numbers))
    loop.run_until_complete(asyncio.wait(tasks))


def test_get_coro(loop):
    coroutine = give(1)
    task = loop.create_task(coroutine)
    assert task.get_coro() is coroutine
    loop.run_until_complete(task)


@pytest.mark.std_since(3, 12)
def test_get_context(loop):
    variable = contextvars.ContextVar("variable")
    token = variable.set("creator")
    copied = loop.create_task(give(1))
    variable.reset(token)
    assert copied.get_context()[variable] == "creator"
    context = contextvars.copy_context()
    given = loop.create_task(give(1), context=context)
    assert given.get_context() is context
    loop.run_until_complete(asyncio.gather(copied, given))


def test_awaited_chain_can_be_inspected(loop):
    future = loop.create_future()

    async def inner():
        await future

    async def outer():
        await inner()

    task = loop.create_task(outer())
    assert inspect.getcoroutinestate(task.get_coro()) == inspect.CORO_CREATED
    turn(loop)
    assert inspect.getcoroutinestate(task.get_coro()) == inspect.CORO_SUSPENDED
    assert task.get_coro().cr_await.cr_code.co_name == "inner"
    assert task.get_coro().cr_await.cr_await is not None
    assert task._fut_waiter is future and task._must_cancel is False
    future.set_result(None)
    loop.run_until_complete(task)
    assert task._fut_waiter is None


# --- current_task and all_tasks -------------------------------------------------------------------


def test_current_task(loop):
    seen = []

    async def main():
        seen.append(asyncio.current_task())
        await asyncio.sleep(0)
        seen.append(asyncio.current_task())
        seen.append(asyncio.current_task(loop))

    task = loop.create_task(main())
    loop.call_soon(lambda: seen.append(asyncio.current_task()))
    loop.run_until_complete(task)
    assert seen == [task, None, task, task]
    assert asyncio.current_task(loop) is None
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.current_task()


def test_current_task_is_reset_after_a_failure(loop):
    task = loop.create_task(fail(ValueError()))
    turn(loop)
    assert asyncio.current_task(loop) is None and task.exception()
    with pytest.raises(SystemExit):
        loop.run_until_complete(fail(SystemExit()))
    assert asyncio.current_task(loop) is None


def test_all_tasks(loop, loop_factory):
    other = loop_factory()
    future = loop.create_future()

    async def wait():
        await future

    tasks = {loop.create_task(wait()) for _ in range(3)}
    foreign = other.create_task(give(1))
    assert asyncio.all_tasks(loop) == tasks and asyncio.all_tasks(other) == {foreign}
    turn(loop)
    assert asyncio.all_tasks(loop) == tasks
    future.set_result(None)
    turn(loop)
    assert asyncio.all_tasks(loop) == set()
    other.run_until_complete(foreign)
    assert asyncio.all_tasks(other) == set()
    other.close()


@on_loop
async def test_all_tasks_of_the_running_loop(loop):
    task = loop.create_task(give(1))
    assert asyncio.all_tasks() == {task, asyncio.current_task()}
    await task
    assert asyncio.all_tasks() == {asyncio.current_task()}


# --- callbacks ------------------------------------------------------------------------------------


def test_done_callbacks(loop):
    calls = []
    task = loop.create_task(give(1))
    task.add_done_callback(calls.append)
    task.add_done_callback(print)
    assert task.remove_done_callback(print) == 1
    turn(loop)
    assert task.done() and calls == []
    turn(loop)
    assert calls == [task]
