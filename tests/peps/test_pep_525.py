"""PEP 525, asynchronous generators: each clause by itself; replicas of regular ones are in the module beside."""

import asyncio
import collections.abc
import gc
import inspect
import sys
import threading
import types
import weakref

import pytest
from helpers.accounting import turn
from helpers.running import on_loop, turns

pytestmark = pytest.mark.virtual_too


async def numbers(journal=None):
    try:
        await asyncio.sleep(0)
        yield 1
        yield 2
    finally:
        await asyncio.sleep(0)
        if journal is not None:
            journal.append("closed")


# --- Specification -------------------------------------------------------------------------------------


def test_a_return_with_a_value_is_a_syntax_error():
    with pytest.raises(SyntaxError):
        compile("async def f():\n yield\n return 42", "<test>", "exec")
    compile("async def f():\n yield\n return", "<test>", "exec")


def test_yield_from_is_a_syntax_error():
    with pytest.raises(SyntaxError):
        compile("async def f():\n yield 1\n yield from x", "<test>", "exec")


@on_loop
async def test_the_iteration_protocol_by_hand(loop):
    generator = numbers()
    assert generator.__aiter__() is generator
    assert await generator.__anext__() == 1
    assert await generator.__anext__() == 2
    for _ in range(2):
        with pytest.raises(StopAsyncIteration):
            await generator.__anext__()


@on_loop
async def test_anext_gives_an_awaitable_with_the_methods_of_a_coroutine(loop):
    async def generator():
        await steps()
        yield 42

    @types.coroutine
    def steps():
        seen.append((yield "first"))

    seen = []
    awaitable = generator().__anext__()
    assert isinstance(awaitable, collections.abc.Awaitable)
    assert awaitable.__await__() is awaitable and iter(awaitable) is awaitable
    assert awaitable.send(None) == "first"
    with pytest.raises(StopIteration) as caught:
        awaitable.send("pushed")
    assert caught.value.value == 42 and seen == ["pushed"]
    with pytest.raises(RuntimeError):
        awaitable.send(None)


# --- Finalization --------------------------------------------------------------------------------------


@on_loop
async def test_aclose_throws_generator_exit_and_runs_to_the_end(loop):
    async def generator():
        try:
            yield 1
        except GeneratorExit:
            await asyncio.sleep(0)
            journal.append("exit")
            raise
        finally:
            await asyncio.sleep(0)
            journal.append("finally")

    journal, one = [], generator()
    await anext(one)
    assert await one.aclose() is None
    assert journal == ["exit", "finally"]
    assert await one.aclose() is None
    with pytest.raises(StopAsyncIteration):
        await anext(one)


@on_loop
async def test_aclose_before_the_start_runs_nothing(loop):
    journal = []
    generator = numbers(journal)
    await generator.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(generator)
    assert journal == []


@on_loop
async def test_aclose_passes_on_an_error_and_takes_an_end_for_its_end(loop):
    async def failing():
        try:
            yield
        finally:
            await asyncio.sleep(0)
            raise KeyError("while closing")

    async def returning():
        try:
            yield
        except GeneratorExit:
            await asyncio.sleep(0)

    for generator in (failing(), returning()):
        await anext(generator)
        if generator.__name__ == "failing":
            with pytest.raises(KeyError):
                await generator.aclose()
        else:
            assert await generator.aclose() is None


@on_loop
async def test_yield_in_finally_is_a_runtime_error_and_await_is_none(loop):
    async def generator():
        try:
            yield
        finally:
            await asyncio.sleep(0)
            yield

    one = generator()
    await anext(one)
    with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
        await one.aclose()


def test_yield_while_the_loop_finalizes_is_reported(loop, loop_errors):
    async def generator():
        try:
            yield
        finally:
            yield

    async def main():
        await anext(generator())
        gc.collect()
        await turns(4)

    loop.run_until_complete(main())
    gc.collect()
    turn(loop, 2)
    (context,) = loop_errors
    assert isinstance(context["exception"], RuntimeError)
    loop_errors.clear()


@on_loop
async def test_a_generator_left_by_break_is_finalized_by_the_loop(loop):
    class Transaction:
        async def __aenter__(self):
            journal.append("begin")

        async def __aexit__(self, *details):
            await asyncio.sleep(0)
            journal.append(("commit", details[0]))

    async def squares():
        async with Transaction():
            async for number in numbers():
                yield number**2

    journal = []
    async for square in squares():
        assert square == 1
        break
    gc.collect()
    await turns(5)
    assert journal == ["begin", ("commit", GeneratorExit)]


# --- sys.set_asyncgen_hooks ------------------------------------------------------------------------------


def test_the_loop_sets_hooks_while_it_runs_and_puts_back_the_old_ones(loop):
    async def main():
        return sys.get_asyncgen_hooks()

    def first(generator):
        raise AssertionError("the loop has its own")

    before = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(firstiter=first, finalizer=first)
    try:
        inside = loop.run_until_complete(main())
        assert sys.get_asyncgen_hooks() == (first, first)
        with pytest.raises(KeyError):
            loop.run_until_complete(failing())
        assert sys.get_asyncgen_hooks() == (first, first)
    finally:
        sys.set_asyncgen_hooks(*before)
    assert callable(inside.firstiter) and callable(inside.finalizer)
    assert first not in inside


async def failing():
    raise KeyError


def test_hooks_are_of_a_thread(loop):
    async def main():
        thread = threading.Thread(target=lambda: seen.append(sys.get_asyncgen_hooks()))
        thread.start()
        thread.join()

    seen = []
    loop.run_until_complete(main())
    assert tuple(seen[0]) == (None, None)


def test_the_finalizer_is_that_of_the_first_iteration(loop_factory):
    async def start():
        await anext(generator)

    journal = []
    generator = numbers(journal)
    first, second = loop_factory(), loop_factory()
    try:
        first.run_until_complete(start())

        async def drop():
            nonlocal generator
            del generator
            gc.collect()
            await turns(4)

        second.run_until_complete(drop())
        assert journal == []
        turn(first, 5)
        assert journal == ["closed"]
    finally:
        first.close()
        second.close()


def test_a_generator_dropped_in_another_thread_is_closed_by_its_loop(loop):
    async def start():
        generator = numbers(journal)
        await anext(generator)
        return [generator]

    async def wait():
        while not journal:
            await asyncio.sleep(0)

    journal = []
    held = loop.run_until_complete(start())
    thread = threading.Thread(target=held.clear)
    thread.start()
    thread.join()
    loop.run_until_complete(wait())
    assert journal == ["closed"]


# --- asyncio -------------------------------------------------------------------------------------------


def test_shutdown_asyncgens_closes_all_that_are_open(loop):
    async def main():
        for generator in generators[:3]:
            await anext(generator)
        await generators[1].aclose()
        await loop.shutdown_asyncgens()

    journal = []
    generators = [numbers(journal) for _ in range(4)]
    assert inspect.isawaitable(shutting_down := loop.shutdown_asyncgens())
    shutting_down.close()
    loop.run_until_complete(main())
    assert journal == ["closed"] * 3
    assert generators[0].ag_frame is None and generators[3].ag_frame is not None


def test_the_loop_refers_weakly_to_generators(loop):
    async def main():
        generator = numbers()
        await anext(generator)
        reference = weakref.ref(generator)
        del generator
        await turns(5)
        gc.collect()
        return reference

    assert loop.run_until_complete(main())() is None


def test_a_generator_iterated_after_the_shutdown_warns(loop):
    async def main():
        await loop.shutdown_asyncgens()
        with pytest.warns(ResourceWarning, match="shutdown_asyncgens"):
            assert [number async for number in numbers()] == [1, 2]

    loop.run_until_complete(main())


def test_an_error_while_shutting_down_is_reported_and_the_others_close(loop, loop_errors):
    async def bad():
        try:
            yield
        finally:
            raise KeyError("bad")

    async def main():
        generators = [numbers(journal), bad(), numbers(journal)]
        for generator in generators:
            await anext(generator)
        await loop.shutdown_asyncgens()

    journal = []
    loop.run_until_complete(main())
    assert journal == ["closed", "closed"]
    (context,) = loop_errors
    assert type(context["exception"]) is KeyError and inspect.isasyncgen(context["asyncgen"])
    loop_errors.clear()


# --- Asynchronous Generator Object -------------------------------------------------------------------------


@on_loop
async def test_the_example_of_asend(loop):
    async def generator():
        await asyncio.sleep(0)
        journal.append((yield 42))
        await asyncio.sleep(0)

    journal, one = [], generator()
    assert await one.asend(None) == 42
    with pytest.raises(StopAsyncIteration):
        await one.asend("hello")
    assert journal == ["hello"]


@on_loop
async def test_asend_before_the_first_iteration_takes_none_only(loop):
    generator = numbers()
    with pytest.raises(TypeError):
        await generator.asend("too early")
    assert await generator.asend(None) == 1
    await generator.aclose()


@on_loop
async def test_the_example_of_athrow(loop):
    async def generator():
        try:
            await asyncio.sleep(0)
            yield "hello"
        except ZeroDivisionError:
            await asyncio.sleep(0)
            yield "world"

    one = generator()
    assert await one.asend(None) == "hello"
    assert await one.athrow(ZeroDivisionError) == "world"
    with pytest.raises(KeyError):
        await one.athrow(KeyError("not caught"))
    with pytest.raises(StopAsyncIteration):
        await anext(one)


@on_loop
async def test_attributes(loop):
    future = loop.create_future()

    async def generator():
        await future
        yield

    one = generator()
    assert (one.__name__, one.__qualname__.rpartition(".")[2]) == ("generator", "generator")
    one.__name__ = one.__qualname__ = "renamed"
    assert (one.__name__, one.__qualname__) == ("renamed", "renamed")
    assert one.ag_code is generator.__code__ and one.ag_await is None and not one.ag_running
    task = loop.create_task(first(one))
    await turns(1)
    assert one.ag_await is not None and one.ag_running and one.ag_frame is not None
    future.set_result(None)
    await task
    assert one.ag_await is None and not one.ag_running
    await one.aclose()
    assert one.ag_frame is None


async def first(generator):
    return await anext(generator)


@on_loop
async def test_two_tasks_can_not_iterate_at_once(loop):
    future = loop.create_future()

    async def generator():
        yield await future

    one = generator()
    task = loop.create_task(first(one))
    await turns(1)
    for use in (one.__anext__, lambda: one.asend(None), lambda: one.athrow(KeyError), one.aclose):
        with pytest.raises(RuntimeError, match="already running"):
            await use()
    future.set_result("result")
    assert await task == "result"


@pytest.mark.parametrize("kind", [StopIteration, StopAsyncIteration])
def test_stop_iteration_and_stop_async_iteration_become_runtime_errors(loop, kind):
    async def generator():
        await asyncio.sleep(0)
        raise kind
        yield

    with pytest.raises(RuntimeError) as caught:
        loop.run_until_complete(first(generator()))
    assert type(caught.value.__cause__) is kind


@on_loop
async def test_cancelling_the_iterating_task_throws_into_the_generator(loop):
    async def generator():
        try:
            await asyncio.Event().wait()
            yield
        except asyncio.CancelledError:
            journal.append("cancelled")
            await asyncio.sleep(0)
            raise
        finally:
            journal.append("finally")

    journal = []
    task = loop.create_task(first(generator()))
    await turns(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert journal == ["cancelled", "finally"]


# --- New Standard Library Functions and Types -----------------------------------------------------------


def test_types_and_functions_to_tell_asynchronous_generators():
    generator = numbers()
    assert type(generator) is types.AsyncGeneratorType
    assert inspect.isasyncgen(generator) and inspect.isasyncgenfunction(numbers)
    assert isinstance(generator, collections.abc.AsyncGenerator)
    assert not inspect.iscoroutine(generator) and not inspect.isawaitable(generator)
    assert not inspect.iscoroutinefunction(numbers)


@on_loop
async def test_aiter_and_anext(loop):
    generator = numbers()
    assert aiter(generator) is generator
    assert [await anext(generator), await anext(generator), await anext(generator, "end")] == [1, 2, "end"]
