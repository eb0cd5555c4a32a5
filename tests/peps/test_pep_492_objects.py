"""PEP 492: coroutine objects, debugging, functions and base classes to tell them, asyncio."""

import asyncio
import collections.abc
import gc
import inspect
import textwrap
import types

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


# --- Coroutine objects -------------------------------------------------------------------------------


def test_native_coroutines_are_no_iterators():
    coroutine = native()
    for use in (iter, list, tuple, next):
        with pytest.raises(TypeError):
            use(coroutine)
    with pytest.raises(TypeError):
        for _ in coroutine:
            raise AssertionError
    assert not hasattr(coroutine, "__iter__") and not hasattr(coroutine, "__next__")
    assert not inspect.isgenerator(coroutine) and not inspect.isgeneratorfunction(native)
    coroutine.close()


def test_plain_generators_can_not_yield_from_native_coroutines():
    def plain(coroutine):
        yield from coroutine

    coroutine = native()
    with pytest.raises(TypeError):
        next(plain(coroutine))
    coroutine.close()


@on_loop
async def test_send_throw_and_close_reach_future_like_objects(loop):
    seen = []

    def steps():
        try:
            seen.append((yield "first"))
            yield "second"
        except KeyError as error:
            seen.append(error.args)
            yield "third"
        finally:
            seen.append("closed")

    async def function():
        await FutureLike(steps())

    coroutine = function()
    assert coroutine.send(None) == "first"
    assert coroutine.send("sent") == "second"
    assert coroutine.throw(KeyError("thrown")) == "third"
    coroutine.close()
    assert seen == ["sent", ("thrown",), "closed"]
    with pytest.raises(RuntimeError):
        coroutine.send(None)


@on_loop
async def test_a_coroutine_is_awaited_once(loop):
    coroutine = native()
    await coroutine
    with pytest.raises(RuntimeError):
        await coroutine
    task = loop.create_task(coroutine)
    with pytest.raises(RuntimeError):
        await task


# --- Debugging features ------------------------------------------------------------------------------


def test_debug_mode_tells_where_a_coroutine_was_made(loop):
    loop.set_debug(True)
    coroutines = []

    async def main():
        coroutines.append(native())

    loop.run_until_complete(main())
    assert coroutines[0].cr_origin is not None
    with pytest.warns(RuntimeWarning, match="(?s)never awaited.*Coroutine created at"):
        del coroutines[:]
        gc.collect()


# --- New Standard Library Functions, New Abstract Base Classes ------------------------------------------


@on_loop
async def test_inspect_tells_coroutines_and_awaitables(loop):
    coroutine, generated = native(), generator_based()
    assert inspect.iscoroutine(coroutine) and inspect.iscoroutinefunction(native)
    assert not inspect.iscoroutine(generated) and not inspect.iscoroutinefunction(generator_based)
    future, task = loop.create_future(), loop.create_task(native())
    for awaitable in (coroutine, generated, FutureLike(None), future, task):
        assert inspect.isawaitable(awaitable)
    assert not inspect.isawaitable(plain_generator())
    assert asyncio.iscoroutine(coroutine) and asyncio.isfuture(future) and asyncio.isfuture(task)
    coroutine.close()
    await task


@on_loop
async def test_the_state_and_the_locals_of_a_task_s_coroutine(loop):
    async def function():
        local = 1
        states.append(inspect.getcoroutinestate(coroutine))
        await asyncio.sleep(0)
        local += 1

    states, coroutine = [], function()
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED
    task = loop.create_task(coroutine)
    assert task.get_coro() is coroutine
    await asyncio.sleep(0)
    assert states == [inspect.CORO_RUNNING]
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_SUSPENDED
    assert inspect.getcoroutinelocals(coroutine)["local"] == 1
    await task
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED


@on_loop
async def test_cr_await_leads_to_the_future_that_a_task_waits_for(loop):
    async def outer():
        await inner()

    async def inner():
        await future

    future = loop.create_future()
    task = loop.create_task(outer())
    await asyncio.sleep(0)
    awaited = task.get_coro()
    assert awaited.cr_code is outer.__code__
    awaited = awaited.cr_await
    assert awaited.cr_code is inner.__code__
    assert awaited.cr_await is not None
    future.set_result(None)
    await task
    assert awaited.cr_await is None


@on_loop
async def test_abstract_base_classes(loop):
    coroutine, generated = native(), generator_based()
    assert isinstance(coroutine, collections.abc.Coroutine) and isinstance(coroutine, collections.abc.Awaitable)
    assert not isinstance(generated, (collections.abc.Coroutine, collections.abc.Awaitable))
    assert isinstance(FutureLike(None), collections.abc.Awaitable)
    assert not isinstance(FutureLike(None), collections.abc.Coroutine)
    for waited_for in (loop.create_future(), loop.create_task(coroutine)):
        assert isinstance(waited_for, collections.abc.Awaitable)
    await waited_for

    class Iterable:
        def __aiter__(self): ...

    class Iterator(Iterable):
        def __anext__(self): ...

    assert issubclass(Iterable, collections.abc.AsyncIterable)
    assert not issubclass(Iterable, collections.abc.AsyncIterator)
    assert issubclass(Iterator, collections.abc.AsyncIterator)


# --- Transition plan ---------------------------------------------------------------------------------


def test_async_is_still_an_attribute_by_getattr(loop):
    namespace = {}
    source = """
        async def ham():
            return getattr(Spam, "async")

        Spam = type("Spam", (), {"async": 42})
        """
    exec(textwrap.dedent(source), namespace)
    assert loop.run_until_complete(namespace["ham"]()) == 42


# --- Backwards compatibility: asyncio ------------------------------------------------------------------


@on_loop
async def test_ensure_future_wraps_whatever_can_be_awaited(loop):
    future = loop.create_future()
    assert asyncio.ensure_future(future) is future
    future.cancel()
    task = asyncio.ensure_future(native("native"))
    assert isinstance(task, asyncio.Task) and await task == "native"
    assert await asyncio.ensure_future(generator_based("generator-based")) == "generator-based"
    assert await asyncio.ensure_future(FutureLike(plain_generator("future-like"))) == "future-like"
    with pytest.raises(TypeError):
        asyncio.ensure_future(42)
