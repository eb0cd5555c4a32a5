"""The life of a loop: running, stopping, closing, the order of callbacks."""

import asyncio
import gc
import threading
import weakref

import pytest
from helpers.accounting import timer_count, turn

import tulipa

pytestmark = pytest.mark.virtual_too


async def give(value):
    return value


# --- running and stopping -------------------------------------------------------------------------


def test_is_a_loop_of_asyncio(loop):
    assert isinstance(loop, asyncio.AbstractEventLoop)
    assert not loop.is_running() and not loop.is_closed()


def test_run_until_complete_returns_the_result(loop):
    assert loop.run_until_complete(give(5)) == 5
    assert loop.run_until_complete(give(None)) is None


def test_run_until_complete_of_a_future(loop):
    future = loop.create_future()
    loop.call_soon(future.set_result, "value")
    assert loop.run_until_complete(future) == "value"
    assert loop.run_until_complete(future) == "value", "a done future as well"


def test_run_until_complete_of_an_awaitable(loop):
    class Awaitable:
        def __await__(self):
            yield
            return "awaited"

    assert loop.run_until_complete(Awaitable()) == "awaited"


def test_run_until_complete_raises(loop):
    async def main():
        raise KeyError("key")

    with pytest.raises(KeyError, match="key"):
        loop.run_until_complete(main())
    future = loop.create_future()
    future.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(future)


@pytest.mark.parametrize("wrong", [None, 5, "text", print, pytest.param(lambda: None, id="lambda")], ids=repr)
def test_run_until_complete_of_what_is_not_awaitable(loop, wrong):
    with pytest.raises(TypeError):
        loop.run_until_complete(wrong)


def test_run_until_complete_of_a_future_of_another_loop(loop, loop_factory):
    other = loop_factory()
    with pytest.raises(ValueError, match="loop"):
        loop.run_until_complete(other.create_future())
    other.close()


def test_run_until_complete_stopped_too_early(loop):
    future = loop.create_future()
    loop.call_soon(loop.stop)
    with pytest.raises(RuntimeError, match="stopped before"):
        loop.run_until_complete(future)
    future.set_result("later")
    assert loop.run_until_complete(future) == "later"


def test_run_until_complete_leaves_the_rest_for_the_next_run(loop):
    order = []

    async def other():
        order.append("started")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        order.append("finished")

    task = loop.create_task(other())
    loop.run_until_complete(give(1))
    assert order == ["started"]
    loop.run_until_complete(task)
    assert order == ["started", "finished"]


def test_run_until_complete_leaves_no_callback_behind(loop):
    future = loop.create_future()
    loop.call_soon(loop.stop)
    with pytest.raises(RuntimeError):
        loop.run_until_complete(future)
    calls = []
    loop.call_soon(future.set_result, None)
    for number in range(5):
        loop.call_later(number * 0.0001, calls.append, number)
    loop.call_later(0.001, loop.stop)
    loop.run_forever()
    assert calls == [0, 1, 2, 3, 4], "the first run's end does not stop the second"


def test_stop_before_run_forever_runs_one_turn(loop):
    calls = []
    loop.call_soon(calls.append, 1)
    loop.call_soon(loop.call_soon, calls.append, 2)
    loop.stop()
    loop.run_forever()
    assert calls == [1]
    turn(loop)
    assert calls == [1, 2]


def test_stop_finishes_the_turn(loop):
    calls = []
    loop.call_soon(loop.stop)
    loop.call_soon(calls.append, "the same turn")
    loop.run_forever()
    assert calls == ["the same turn"]


def test_stop_does_not_wait_for_timers(loop):
    handle = loop.call_later(1000, print)
    turn(loop)
    assert timer_count(loop) == 1
    handle.cancel()


def test_run_again_and_again(loop):
    calls = []
    for number in range(5):
        loop.call_soon(calls.append, number)
        turn(loop)
    assert calls == [0, 1, 2, 3, 4]


def test_is_running(loop):
    seen = []
    loop.call_soon(lambda: seen.append(loop.is_running()))
    turn(loop)
    assert seen == [True] and not loop.is_running()


def test_running_loop(loop):
    seen = []
    loop.call_soon(lambda: seen.append((asyncio.get_running_loop(), asyncio.get_event_loop())))
    turn(loop)
    assert seen == [(loop, loop)]
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()


def test_no_loop_within_a_running_loop(loop, loop_factory):
    other = loop_factory()
    messages = []

    async def main():
        for inner in (loop, other):
            coroutine = give(1)
            with pytest.raises(RuntimeError) as caught:
                inner.run_until_complete(coroutine)
            coroutine.close()
            messages.append(str(caught.value))

    loop.run_until_complete(main())
    assert "already running" in messages[0]
    assert "another loop is running" in messages[1]
    assert not other.is_running()
    assert other.run_until_complete(give("fine")) == "fine"
    other.close()


@pytest.mark.tulipa_only  # Python 3.13.0 forgets the running loop here
def test_refused_run_forever_changes_nothing(loop):
    async def main():
        with pytest.raises(RuntimeError, match="already running"):
            loop.run_forever()
        assert asyncio.get_running_loop() is loop and loop.is_running()
        await asyncio.sleep(0)
        return "went on"

    assert loop.run_until_complete(main()) == "went on"


def test_two_loops_in_turn(loop, loop_factory):
    other = loop_factory()
    order = []
    other.call_soon(order.append, "other")
    loop.call_soon(order.append, "loop")
    turn(loop)
    turn(other)
    assert order == ["loop", "other"]
    other.close()


def test_in_another_thread(loop):
    results = []
    thread = threading.Thread(target=lambda: results.append(loop.run_until_complete(give("thread"))))
    thread.start()
    thread.join()
    assert results == ["thread"]


def test_loops_in_two_threads_at_once(loop_factory):
    results = []
    barrier = threading.Barrier(2, timeout=30)

    async def main(number):
        barrier.wait()
        for _ in range(10):
            await asyncio.sleep(0)
        return number, asyncio.get_running_loop()

    def run(number):
        loop = loop_factory()
        results.append(loop.run_until_complete(main(number)) == (number, loop))
        loop.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True, True]


# --- order ----------------------------------------------------------------------------------------


def test_first_in_first_out(loop):
    calls = []
    for number in range(1000):
        loop.call_soon(calls.append, number)
    turn(loop)
    assert calls == list(range(1000))


def test_what_a_callback_schedules_waits_for_the_next_turn(loop):
    calls = []

    def callback(depth):
        calls.append(depth)
        loop.call_soon(callback, depth + 1)

    handle = loop.call_soon(callback, 0)
    for depth in range(5):
        turn(loop)
        assert calls == list(range(depth + 1))
    assert not handle.cancelled()
    callback = calls.append  # ends the chain


def test_threadsafe_and_plain_share_one_order(loop):
    calls = []
    for number in range(10):
        (loop.call_soon if number % 2 else loop.call_soon_threadsafe)(calls.append, number)
    turn(loop)
    assert calls == list(range(10))


# --- leaving by an exception ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_interrupt_from_a_callback_leaves_the_loop(loop, kind):
    calls = []

    def interrupt():
        raise kind("now")

    loop.call_soon(calls.append, "before")
    loop.call_soon(interrupt)
    loop.call_soon(calls.append, "after")
    with pytest.raises(kind, match="now"):
        loop.run_forever()
    assert calls == ["before"] and not loop.is_running()
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()
    turn(loop)
    assert calls == ["before", "after"], "what was ready is still there"


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_interrupt_from_a_timer_leaves_the_loop(loop, kind):
    def interrupt():
        raise kind

    loop.call_later(0.0001, interrupt)
    with pytest.raises(kind):
        loop.run_forever()


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_interrupt_out_of_run_until_complete(loop, kind):
    async def main():
        raise kind

    with pytest.raises(kind):
        loop.run_until_complete(main())
    calls = []
    loop.call_soon(calls.append, 1)
    loop.call_later(0.0001, calls.append, 2)
    loop.call_later(0.0002, loop.stop)
    loop.run_forever()
    assert calls == [1, 2], "the interrupted run does not stop the next one"


def test_interrupt_while_another_task_is_waited_for(loop):
    future = loop.create_future()

    def interrupt():
        raise KeyboardInterrupt

    loop.call_soon(interrupt)
    with pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(future)
    loop.call_soon(future.set_result, "later")
    assert loop.run_until_complete(future) == "later"


# --- closing --------------------------------------------------------------------------------------


def test_close(loop_factory):
    loop = loop_factory()
    assert not loop.is_closed()
    loop.close()
    assert loop.is_closed() and not loop.is_running()
    loop.close()
    assert loop.is_closed()


def test_closed_loop_refuses_work(loop_factory):
    loop = loop_factory()
    loop.close()
    coroutine = give(1)
    for attempt in (
        lambda: loop.run_forever(),
        lambda: loop.run_until_complete(coroutine),
        lambda: loop.call_soon(print),
        lambda: loop.call_soon_threadsafe(print),
        lambda: loop.create_task(coroutine),
        lambda: loop.run_in_executor(None, print),
    ):
        with pytest.raises(RuntimeError, match="Event loop is closed"):
            attempt()
    coroutine.close()


def test_close_while_running(loop):
    errors = []

    def close():
        try:
            loop.close()
        except RuntimeError as error:
            errors.append(str(error))

    loop.call_soon(close)
    turn(loop)
    assert "running" in errors[0] and not loop.is_closed()


def test_close_forgets_callbacks(loop_factory):
    class Target:
        def __call__(self):
            calls.append("called")

    calls = []
    loop = loop_factory()
    target = Target()
    reference = weakref.ref(target)
    loop.call_soon(target)
    loop.call_later(0, target)
    del target
    loop.close()
    gc.collect()
    assert reference() is None and calls == []


def test_forgotten_loop_warns(loop_factory):
    loop = loop_factory()
    with pytest.warns(ResourceWarning, match="unclosed event loop"):
        del loop
        gc.collect()


def test_closed_loop_dies_without_a_warning(loop_factory):
    loop = loop_factory()
    loop.run_until_complete(give(1))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
    reference = weakref.ref(loop)
    del loop
    gc.collect()
    assert reference() is None


@pytest.mark.usefixtures("without_debug")
def test_repr(loop):
    assert "running=False closed=False debug=False" in repr(loop)
    seen = []
    loop.call_soon(lambda: seen.append(repr(loop)))
    turn(loop)
    assert "running=True" in seen[0]


def test_attributes_and_subclasses(loop_factory, loop):
    loop.anything = 1
    assert loop.anything == 1
    kind = type(loop)

    class Special(kind):
        def call_soon(self, *args, **kwargs):
            calls.append(args[0])
            return super().call_soon(*args, **kwargs)

    calls = []
    special = Special() if loop_factory.is_std else Special(loop_factory.driver)
    special.call_soon(special.stop)
    special.run_forever()
    assert calls == [special.stop]
    special.close()


@pytest.mark.tulipa_only
@pytest.mark.skipif(not tulipa.is_compiled(), reason="a loop in Python has its attributes in a dictionary")
def test_its_own_attributes_are_in_no_dictionary(loop):
    """From Python 3.13 on, calling a method of a loop costs more as soon as the loop has a dictionary."""
    loop.set_exception_handler(None)
    loop.set_task_factory(None)
    loop.set_debug(False)
    loop.run_until_complete(give(1))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    assert vars(loop) == {}
