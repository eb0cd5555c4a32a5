"""PEP 492, coroutines with async and await: each clause by itself, run by a loop where it runs anything."""

import ast
import asyncio
import collections.abc
import gc
import inspect
import types
import warnings

import pytest
from helpers.running import on_loop

pytestmark = pytest.mark.virtual_too


async def native(value="native"):
    await asyncio.sleep(0)
    return value


@types.coroutine
def generator_based(value="generator-based"):
    yield
    return value


class FutureLike:
    def __init__(self, iterator):
        self.iterator = iterator

    def __await__(self):
        return self.iterator


def plain_generator(value="plain"):
    yield
    return value


# --- New Coroutine Declaration Syntax ----------------------------------------------------------------


def test_async_def_without_await_is_a_coroutine_function_all_the_same(loop):
    async def function():
        return 42

    assert function.__code__.co_flags & inspect.CO_COROUTINE
    assert loop.run_until_complete(function()) == 42


def test_types_coroutine_sets_the_iterable_flag_and_not_the_other():
    flags = generator_based.__code__.co_flags
    assert flags & inspect.CO_ITERABLE_COROUTINE
    assert not flags & inspect.CO_COROUTINE


@on_loop
async def test_stop_iteration_becomes_a_runtime_error(loop):
    async def function():
        await asyncio.sleep(0)
        raise StopIteration("spam")

    for awaitable in (function(), loop.create_task(function())):
        with pytest.raises(RuntimeError) as caught:
            await awaitable
        assert type(caught.value.__cause__) is StopIteration


@on_loop
async def test_stop_async_iteration_leaves_a_coroutine_as_it_is(loop):
    async def function():
        await asyncio.sleep(0)
        raise StopAsyncIteration("spam")

    with pytest.raises(StopAsyncIteration, match="spam"):
        await loop.create_task(function())


def test_collecting_a_coroutine_that_was_never_awaited_warns():
    coroutine = native()
    with pytest.warns(RuntimeWarning, match="never awaited"):
        del coroutine
        gc.collect()


def test_a_coroutine_that_the_loop_refuses_is_told_of_once(loop):
    loop.close()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(RuntimeError):
            loop.run_until_complete(native())
        gc.collect()
    assert [warning.category for warning in caught] == [RuntimeWarning]


# --- types.coroutine() -------------------------------------------------------------------------------


@on_loop
async def test_generator_based_and_native_coroutines_await_each_other(loop):
    @types.coroutine
    def outer():
        data = yield from native("data")
        more = yield from generator_based("more")
        return data, more

    assert await outer() == ("data", "more")


@on_loop
async def test_a_generator_based_coroutine_waits_for_futures_by_yield_from(loop):
    @types.coroutine
    def waiting(future):
        result = yield from future
        return result

    future = loop.create_future()
    loop.call_soon(future.set_result, "result")
    assert await waiting(future) == "result"


@on_loop
async def test_exceptions_and_cancellation_reach_a_generator_based_coroutine(loop):
    @types.coroutine
    def waiting(future):
        try:
            yield from future
        except (KeyError, asyncio.CancelledError) as error:
            return type(error)

    async def main(future):
        return await waiting(future)

    failing, cancelled = loop.create_future(), loop.create_future()
    tasks = [loop.create_task(main(failing)), loop.create_task(main(cancelled))]
    await asyncio.sleep(0)
    failing.set_exception(KeyError())
    tasks[1].cancel()
    assert [await task for task in tasks] == [KeyError, asyncio.CancelledError]


@on_loop
async def test_types_coroutine_wraps_other_callables(loop):
    class GeneratorLike(collections.abc.Generator):
        def __init__(self):
            self.sent = []

        def send(self, value):
            self.sent.append(value)
            if len(self.sent) == 2:
                raise StopIteration("done")

        def throw(self, *details):
            raise AssertionError

    assert await types.coroutine(lambda: plain_generator("from a lambda"))() == "from a lambda"
    assert await types.coroutine(GeneratorLike)() == "done"
    assert await types.coroutine(native)("as it is") == "as it is"
    with pytest.raises(TypeError):
        types.coroutine(42)


# --- Await Expression --------------------------------------------------------------------------------


class Coroutine(collections.abc.Coroutine):
    """A coroutine of no known type: one pause, then a result."""

    def __init__(self):
        self.sent = []
        self.thrown = None

    def send(self, value):
        self.sent.append(value)
        if len(self.sent) == 2:
            raise StopIteration("sent twice")

    def throw(self, *details):
        self.thrown = details[-1] if isinstance(details[-1], BaseException) else details[0]
        raise StopIteration("thrown")

    def close(self):
        pass

    def __await__(self):
        return (yield from coroutine_steps(self))


def coroutine_steps(coroutine):
    while True:
        try:
            coroutine.send(None)
        except StopIteration as stop:
            return stop.value
        yield


@on_loop
async def test_await_takes_every_awaitable(loop):
    assert await native() == "native"
    assert await generator_based() == "generator-based"
    assert await FutureLike(plain_generator()) == "plain"
    assert await FutureLike(iter([None, None])) is None
    assert await Coroutine() == "sent twice"
    assert await loop.create_task(native("task")) == "task"
    future = loop.create_future()
    loop.call_soon(future.set_result, "future")
    assert await future == "future"


@on_loop
async def test_await_of_something_else_is_a_type_error(loop):
    for value in (42, None, "text", plain_generator(), [native]):
        with pytest.raises(TypeError):
            await value


@on_loop
async def test_await_method_must_return_an_iterator(loop):
    coroutine = native()
    for wrong in (42, None, [1], coroutine):
        with pytest.raises(TypeError):
            await FutureLike(wrong)
    coroutine.close()


def test_a_coroutine_of_any_type_runs_as_a_task(loop):
    coroutine = Coroutine()
    assert loop.run_until_complete(loop.create_task(coroutine)) == "sent twice"
    assert coroutine.sent == [None, None]


def test_a_coroutine_of_any_type_is_cancelled_by_throw(loop):
    coroutine = Coroutine()
    task = loop.create_task(coroutine)
    loop.call_soon(task.cancel, "message")
    assert loop.run_until_complete(task) == "thrown"
    assert type(coroutine.thrown) is asyncio.CancelledError
    assert coroutine.sent == [None]


def test_futures_can_be_awaited_by_iteration_of_their_await_method(loop):
    future = loop.create_future()
    iterator = future.__await__()
    assert next(iterator) is future
    future.set_result("result")
    with pytest.raises(StopIteration) as caught:
        next(iterator)
    assert caught.value.value == "result"
    assert isinstance(future, collections.abc.Awaitable)


def test_yielding_something_else_than_a_future_ends_in_a_runtime_error(loop):
    async def main(value):
        with pytest.raises(RuntimeError):
            await FutureLike(iter([value]))
        return "went on"

    for value in (42, "text", loop.create_future().__await__()):
        assert loop.run_until_complete(main(value)) == "went on"


INVALID = [
    "def f(): await x",
    "await x",
    "async def f(): await",
    "async def f(): await await x()",
    "async def f(): await -x()",
    "async def f(): yield from x",
    "def f():\n async with x: pass",
    "def f():\n async for i in x: pass",
    "async with x: pass",
    "async def f(x=await y): pass",
    "await = 1",
    "async = 1",
]


@pytest.mark.parametrize("source", INVALID)
def test_invalid_syntax(source):
    with pytest.raises(SyntaxError):
        compile(source, "<test>", "exec")


PRECEDENCES = [
    ("await fut, 'spam'", "(await fut), 'spam'"),
    ("await fut + 1", "(await fut) + 1"),
    ("await foo()['spam'].baz()()", "await ( foo()['spam'].baz()() )"),
    ("await coro() ** 2", "(await coro()) ** 2"),
    ("func(a1=await coro(), a2=0)", "func(a1=(await coro()), a2=0)"),
    ("await foo() + await bar()", "(await foo()) + (await bar())"),
    ("-await foo()", "-(await foo())"),
    ("not await foo()", "not (await foo())"),
    ("await a if await b else await c", "(await a) if (await b) else (await c)"),
]


@pytest.mark.parametrize("written, parsed", PRECEDENCES)
def test_precedence_of_await(written, parsed):
    def tree(expression):
        return ast.dump(ast.parse(f"async def f():\n return {expression}"))

    assert tree(written) == tree(parsed)


# --- Asynchronous Context Managers, Asynchronous Iterators ---------------------------------------------


@on_loop
async def test_async_with_refuses_a_regular_context_manager(loop):
    class Regular:
        def __enter__(self):
            raise AssertionError

        def __exit__(self, *details):
            raise AssertionError

    # AttributeError before Python 3.11.
    with pytest.raises(TypeError):
        async with Regular():
            raise AssertionError


@on_loop
async def test_aenter_and_aexit_must_give_awaitables(loop):
    class NotAwaitable:
        async def __aenter__(self):
            return self

        def __aexit__(self, *details):
            return True

    with pytest.raises(TypeError):
        async with NotAwaitable():
            pass

    class NotEntered(NotAwaitable):
        def __aenter__(self):
            return self

    with pytest.raises(TypeError):
        async with NotEntered():
            raise AssertionError


@on_loop
async def test_aexit_decides_whether_the_exception_goes_on(loop):
    class Manager:
        def __init__(self, answer):
            self.answer = answer

        async def __aenter__(self):
            await asyncio.sleep(0)

        async def __aexit__(self, *details):
            await asyncio.sleep(0)
            return self.answer

    async with Manager(True):
        raise KeyError
    with pytest.raises(KeyError):
        async with Manager(False):
            raise KeyError


@on_loop
async def test_locks_work_by_async_with(loop):
    lock, journal = asyncio.Lock(), []

    async def user(number):
        async with lock:
            journal.append(number)
            await asyncio.sleep(0)
            journal.append(number)

    await asyncio.gather(*map(user, range(3)))
    assert journal == [0, 0, 1, 1, 2, 2]


@on_loop
async def test_async_for_refuses_a_regular_iterable_and_wrong_iterators(loop):
    class Wrong:
        def __init__(self, iterator):
            self.iterator = iterator

        def __aiter__(self):
            return self.iterator

    class WrongNext:
        def __aiter__(self):
            return self

        def __anext__(self):
            return 42

    for iterable in ([1, 2], Wrong(iter([1])), Wrong(None), WrongNext()):
        with pytest.raises(TypeError):
            async for _ in iterable:
                raise AssertionError


@on_loop
async def test_aiter_that_gives_an_awaitable_is_refused(loop):
    class Old:
        async def __aiter__(self):
            return self

    old = Old()
    with pytest.raises(TypeError), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        async for _ in old:
            raise AssertionError


@on_loop
async def test_example_2_iterates_over_what_is_regular(loop):
    class AsyncIteratorWrapper:
        def __init__(self, iterable):
            self.iterator = iter(iterable)

        def __aiter__(self):
            return self

        async def __anext__(self):
            for value in self.iterator:
                return value
            raise StopAsyncIteration

    assert [letter async for letter in AsyncIteratorWrapper("abc")] == ["a", "b", "c"]
