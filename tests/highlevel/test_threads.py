"""to_thread, run_coroutine_threadsafe, wrap_future: between loops and threads."""

import asyncio
import concurrent.futures
import contextvars
import threading

import pytest
from helpers.running import on_loop, turns

variable = contextvars.ContextVar("variable", default=None)


async def give(value):
    await asyncio.sleep(0)
    return value


@on_loop
async def test_to_thread(loop, lib):
    variable.set("the caller's")

    def work(*args, **kwargs):
        before = variable.get()
        variable.set("the thread's")
        return args, kwargs, before, threading.current_thread() is threading.main_thread()

    assert await lib.to_thread(work, 1, 2, key="word") == ((1, 2), {"key": "word"}, "the caller's", False)
    assert variable.get() == "the caller's"
    with pytest.raises(ZeroDivisionError):
        await lib.to_thread(lambda: 1 / 0)


@pytest.fixture
def elsewhere(loop):
    """Runs a function in another thread while the loop runs; gives what it returns."""

    def run(function, *args):
        return loop.run_until_complete(loop.run_in_executor(None, function, *args))

    return run


def test_run_coroutine_threadsafe(loop, lib, elsewhere):
    def work():
        future = lib.run_coroutine_threadsafe(give("value"), loop)
        assert isinstance(future, concurrent.futures.Future)
        return future.result(10)

    assert elsewhere(work) == "value"


def test_run_coroutine_threadsafe_that_fails(loop, lib, elsewhere):
    async def fail():
        raise KeyError("key")

    def work():
        with pytest.raises(KeyError):
            lib.run_coroutine_threadsafe(fail(), loop).result(10)

    elsewhere(work)


def test_run_coroutine_threadsafe_cancelled_from_the_thread(loop, lib, elsewhere):
    cancelled = threading.Event()

    async def wait():
        started.set()
        try:
            await loop.create_future()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    def work():
        future = lib.run_coroutine_threadsafe(wait(), loop)
        started.wait(10)
        assert future.cancel()
        return cancelled.wait(10)

    started = threading.Event()
    assert elsewhere(work)


def test_run_coroutine_threadsafe_cancelled_in_the_loop(loop, lib, elsewhere):
    async def wait():
        asyncio.current_task().cancel()
        await asyncio.sleep(0)

    def work():
        with pytest.raises(concurrent.futures.CancelledError):
            lib.run_coroutine_threadsafe(wait(), loop).result(10)

    elsewhere(work)


def test_run_coroutine_threadsafe_of_no_coroutine(loop, lib):
    with pytest.raises(TypeError, match="A coroutine object is required"):
        lib.run_coroutine_threadsafe(give, loop)


@pytest.mark.ours_only
def test_run_coroutine_threadsafe_on_a_closed_loop(loop, lib):
    """The coroutine that can't run is closed: no warning that it was never awaited."""
    loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        lib.run_coroutine_threadsafe(give(1), loop)


def test_run_coroutine_threadsafe_whose_task_factory_fails(loop, lib, elsewhere, loop_errors):
    def refuse(loop, coro, **kwargs):
        coro.close()
        raise NameError("no task today")

    def work():
        with pytest.raises(NameError):
            lib.run_coroutine_threadsafe(give(1), loop).result(10)

    loop.set_task_factory(refuse)
    elsewhere(work)
    loop.set_task_factory(None)
    assert isinstance(loop_errors.pop()["exception"], NameError)


# --- wrap_future -----------------------------------------------------------------------------------------------


@on_loop
async def test_wrap_future(loop, lib):
    for finish, check in ((lambda f: f.set_result(1), 1), (lambda f: f.set_exception(KeyError()), KeyError)):
        source = concurrent.futures.Future()
        wrapped = lib.wrap_future(source)
        assert asyncio.isfuture(wrapped) and wrapped.get_loop() is loop
        loop.run_in_executor(None, finish, source)
        if check is KeyError:
            with pytest.raises(KeyError):
                await wrapped
        else:
            assert await wrapped == check


@on_loop
async def test_wrap_future_cancelled_either_way(loop, lib):
    source = concurrent.futures.Future()
    wrapped = lib.wrap_future(source, loop=loop)
    wrapped.cancel()
    await turns(2)
    assert source.cancelled()
    source = concurrent.futures.Future()
    wrapped = lib.wrap_future(source, loop=loop)
    source.cancel()
    with pytest.raises(asyncio.CancelledError):
        await wrapped


@on_loop
async def test_wrap_future_of_asyncio(loop, lib):
    future = loop.create_future()
    assert lib.wrap_future(future) is future
    future.cancel()


@on_loop
async def test_wrap_future_of_what_is_none(loop, lib):
    with pytest.raises((TypeError, AssertionError), match="concurrent.futures.Future is expected"):
        lib.wrap_future(5)


def test_wrapped_future_that_ends_after_the_loop(loop, lib):
    source = concurrent.futures.Future()
    wrapped = lib.wrap_future(source, loop=loop)
    loop.run_until_complete(turns())
    loop.close()
    source.set_result(1)
    assert not wrapped.done()
