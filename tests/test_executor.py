"""Executors: run_in_executor, the default executor and its shutdown, to_thread."""

import asyncio
import concurrent.futures
import threading

import pytest
from helpers.running import on_loop, turns


@on_loop
async def test_runs_in_another_thread(loop):
    thread = await loop.run_in_executor(None, threading.get_ident)
    assert thread != threading.get_ident()


@on_loop
async def test_result_error_and_arguments(loop):
    def work(*args):
        if not args:
            raise KeyError("key")
        return args

    assert await loop.run_in_executor(None, work, 1, "two") == (1, "two")
    with pytest.raises(KeyError, match="key"):
        await loop.run_in_executor(None, work)


@on_loop
async def test_gives_a_future_of_this_loop(loop):
    future = loop.run_in_executor(None, int)
    assert asyncio.isfuture(future) and future.get_loop() is loop
    assert await future == 0


@on_loop
async def test_executor_of_choice(loop):
    with concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="chosen") as executor:
        name = await loop.run_in_executor(executor, lambda: threading.current_thread().name)
    assert name.startswith("chosen")


def test_default_executor_of_choice(loop):
    executor = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="default of choice")
    loop.set_default_executor(executor)

    async def main():
        return await loop.run_in_executor(None, lambda: threading.current_thread().name)

    assert loop.run_until_complete(main()).startswith("default of choice")


@pytest.mark.parametrize("wrong", [None, 5, "thread", concurrent.futures.Executor()], ids=type)
def test_default_executor_must_be_a_thread_pool(loop, wrong):
    with pytest.raises(TypeError, match="ThreadPoolExecutor"):
        loop.set_default_executor(wrong)


@on_loop
async def test_parallel(loop):
    barrier = threading.Barrier(3, timeout=30)
    places = await asyncio.gather(*(loop.run_in_executor(None, barrier.wait) for _ in range(3)))
    assert sorted(places) == [0, 1, 2]


@on_loop
async def test_cancel_before_it_starts(loop):
    gate, calls = threading.Event(), []
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        first = loop.run_in_executor(executor, gate.wait)
        second = loop.run_in_executor(executor, calls.append, "second")
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        await turns(1)  # the pool hears of it by a callback
        gate.set()
        assert await first is True
    assert calls == []


@on_loop
async def test_cancel_while_it_runs_abandons_the_result(loop):
    started, gate = threading.Event(), threading.Event()

    def work():
        started.set()
        return gate.wait(30)

    future = loop.run_in_executor(None, work)
    await loop.run_in_executor(None, started.wait)
    future.cancel()
    with pytest.raises(asyncio.CancelledError):
        await future
    gate.set()


@on_loop
async def test_to_thread(loop):
    def work(*args, **kwargs):
        return threading.get_ident(), args, kwargs

    thread, args, kwargs = await asyncio.to_thread(work, 1, two=2)
    assert thread != threading.get_ident() and (args, kwargs) == ((1,), {"two": 2})


@on_loop
async def test_debug_mode_refuses_coroutines(loop):
    async def coroutine_function():
        pass

    loop.set_debug(True)
    with pytest.raises(TypeError, match="coroutine"):
        await loop.run_in_executor(None, coroutine_function)


# --- shutdown -------------------------------------------------------------------------------------


def test_shutdown_waits_for_the_threads(loop):
    started, gate, finished = threading.Event(), threading.Event(), []

    def work():
        started.set()
        gate.wait(30)
        finished.append(threading.current_thread())

    async def main():
        loop.run_in_executor(None, work)
        await asyncio.to_thread(started.wait)
        shutdown = asyncio.create_task(loop.shutdown_default_executor())
        await asyncio.sleep(0)
        assert not shutdown.done()
        gate.set()
        await shutdown
        assert len(finished) == 1 and not finished[0].is_alive()

    loop.run_until_complete(main())


def test_shutdown_without_an_executor_and_twice(loop):
    assert loop.run_until_complete(loop.shutdown_default_executor()) is None
    assert loop.run_until_complete(loop.shutdown_default_executor()) is None


def test_no_default_executor_after_shutdown(loop):
    async def main():
        await loop.run_in_executor(None, int)
        await loop.shutdown_default_executor()
        with pytest.raises(RuntimeError, match="shutdown"):
            await loop.run_in_executor(None, int)

    loop.run_until_complete(main())


@pytest.mark.std_since(3, 13)
def test_shutdown_with_a_timeout_gives_up_with_a_warning(loop):
    started, gate = threading.Event(), threading.Event()

    def work():
        started.set()
        gate.wait(30)

    async def main():
        stuck = loop.run_in_executor(None, work)
        await asyncio.to_thread(started.wait)
        with pytest.warns(RuntimeWarning, match="executor did not finish"):
            await loop.shutdown_default_executor(timeout=0.01)
        gate.set()
        await stuck

    loop.run_until_complete(main())


@pytest.mark.std_since(3, 12)
def test_shutdown_with_a_timeout_that_suffices(loop):
    async def main():
        await loop.run_in_executor(None, int)
        await loop.shutdown_default_executor(timeout=30)

    loop.run_until_complete(main())


def test_close_does_not_wait_for_the_threads(loop_factory):
    started, gate, threads = threading.Event(), threading.Event(), []

    def work():
        threads.append(threading.current_thread())
        started.set()
        gate.wait(30)

    loop = loop_factory()

    async def main():
        loop.run_in_executor(None, work)
        await loop.run_in_executor(None, started.wait)

    loop.run_until_complete(main())
    loop.close()
    assert threads[0].is_alive()
    gate.set()
    threads[0].join()
