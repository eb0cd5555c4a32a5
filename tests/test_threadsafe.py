"""call_soon_threadsafe: from other threads, without a wake-up lost."""

import asyncio
import contextvars
import threading

import pytest


def in_thread(function):
    thread = threading.Thread(target=function)
    thread.start()
    return thread


def test_wakes_a_waiting_loop(loop):
    seen = []

    def callback(name):
        seen.append((name, threading.get_ident()))
        loop.stop()

    thread = in_thread(lambda: loop.call_soon_threadsafe(callback, "from the thread"))
    loop.run_forever()
    thread.join()
    assert seen == [("from the thread", threading.get_ident())]


def test_returns_a_handle_that_cancels(loop):
    calls = []

    def work():
        loop.call_soon_threadsafe(calls.append, "cancelled").cancel()
        loop.call_soon_threadsafe(loop.stop)

    loop.call_soon(lambda: threads.append(in_thread(work)) or threads[0].join())
    threads = []
    loop.run_forever()
    assert calls == []


def test_each_callback_has_its_own_copy_of_the_threads_context(loop):
    variable = contextvars.ContextVar("variable")
    seen = []

    def callback(number):
        seen.append((number, variable.get()))
        variable.set(number)

    def work():
        for name in ("first", "second"):
            variable.set(name)
            for number in range(3):
                loop.call_soon_threadsafe(callback, number)
        loop.call_soon_threadsafe(loop.stop)

    variable.set("loop")
    thread = in_thread(work)
    loop.run_forever()
    thread.join()
    assert seen == [(number, name) for name in ("first", "second") for number in range(3)]
    assert variable.get() == "loop"


def test_before_the_loop_runs(loop):
    calls = []
    thread = in_thread(lambda: loop.call_soon_threadsafe(calls.append, "early"))
    thread.join()
    loop.call_soon_threadsafe(loop.stop)
    loop.run_forever()
    assert calls == ["early"]


def test_between_two_runs(loop):
    calls = []
    for number in range(3):
        in_thread(lambda number=number: loop.call_soon_threadsafe(calls.append, number)).join()
        loop.call_soon(loop.stop)
        loop.run_forever()
    assert calls == [0, 1, 2]


@pytest.mark.parametrize("threads, calls_each", [(1, 3000), (8, 400)])
def test_nothing_is_lost_and_each_thread_keeps_its_order(loop, threads, calls_each):
    received = [[] for _ in range(threads)]
    missing = threads * calls_each

    def receive(thread, number):
        nonlocal missing
        received[thread].append(number)
        missing -= 1
        if not missing:
            loop.stop()

    def work(thread):
        for number in range(calls_each):
            loop.call_soon_threadsafe(receive, thread, number)

    workers = [in_thread(lambda thread=thread: work(thread)) for thread in range(threads)]
    loop.run_forever()
    for worker in workers:
        worker.join()
    assert received == [list(range(calls_each))] * threads


def test_ping_pong_loses_no_wake_up(loop):
    """Each call comes when the loop has just gone, or is just going, to wait: the race of lost wake-ups."""
    rounds = 2000
    ping, counts = threading.Semaphore(0), []

    def pong():
        counts.append(None)
        if len(counts) < rounds:
            ping.release()
        else:
            loop.stop()

    def work():
        for _ in range(rounds):
            ping.acquire()
            loop.call_soon_threadsafe(pong)

    worker = in_thread(work)
    ping.release()
    loop.run_forever()
    worker.join()
    assert len(counts) == rounds


def test_wake_up_while_timers_are_far_away(loop):
    far = loop.call_later(3600, print)
    started = loop.time()
    thread = in_thread(lambda: loop.call_soon_threadsafe(loop.stop))
    loop.run_forever()
    thread.join()
    assert loop.time() - started < 3000
    far.cancel()


def test_loop_that_is_busy_gets_them_too(loop):
    stop = threading.Event()

    def busy():
        if not stop.is_set():
            loop.call_soon(busy)
        else:
            loop.stop()

    loop.call_soon(busy)
    thread = in_thread(lambda: loop.call_soon_threadsafe(stop.set))
    loop.run_forever()
    thread.join()


def test_closed_loop_refuses(loop_factory):
    loop = loop_factory()
    loop.close()
    errors = []

    def work():
        try:
            loop.call_soon_threadsafe(print)
        except RuntimeError as error:
            errors.append(str(error))

    in_thread(work).join()
    assert errors == ["Event loop is closed"]


def test_closing_races_with_callers(loop_factory):
    for _ in range(20):
        loop = loop_factory()
        started, finished = threading.Event(), []

        def work(loop=loop, started=started, finished=finished):
            try:
                while True:
                    loop.call_soon_threadsafe(int)
                    started.set()
            except RuntimeError as error:
                finished.append(str(error))

        worker = in_thread(work)
        started.wait()
        loop.call_soon(loop.stop)
        loop.run_forever()
        loop.close()
        worker.join()
        assert finished == ["Event loop is closed"]


def test_run_coroutine_threadsafe(loop):
    async def add(first, second):
        await asyncio.sleep(0)
        return first + second

    async def fail():
        raise KeyError("key")

    results = []

    def work():
        results.append(asyncio.run_coroutine_threadsafe(add(1, 2), loop).result())
        failing = asyncio.run_coroutine_threadsafe(fail(), loop)
        results.append(type(failing.exception()))
        loop.call_soon_threadsafe(loop.stop)

    thread = in_thread(work)
    loop.run_forever()
    thread.join()
    assert results == [3, KeyError]


def test_run_coroutine_threadsafe_cancelled_from_the_thread(loop):
    state = {}

    async def wait():
        state["task"] = asyncio.current_task()
        state["started"].set()
        await loop.create_future()

    def work():
        future = asyncio.run_coroutine_threadsafe(wait(), loop)
        state["started"].wait()
        future.cancel()
        loop.call_soon_threadsafe(loop.call_soon, loop.call_soon, loop.stop)

    state["started"] = threading.Event()
    thread = in_thread(work)
    loop.run_forever()
    thread.join()
    assert state["task"].cancelled()


def test_future_completed_from_a_thread(loop):
    async def main():
        future = loop.create_future()
        threads.append(in_thread(lambda: loop.call_soon_threadsafe(future.set_result, "value")))
        return await future

    threads = []
    assert loop.run_until_complete(main()) == "value"
    threads[0].join()
