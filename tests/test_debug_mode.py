"""Debug mode: slow callbacks, calls from wrong threads, where things were made, coroutines never awaited."""

import asyncio
import gc
import logging
import sys
import threading

import pytest
from helpers.accounting import turn
from helpers.processes import run_source

pytestmark = pytest.mark.virtual_too


@pytest.fixture
def debug_loop(loop):
    loop.set_debug(True)
    return loop


# --- switching it on ------------------------------------------------------------------------------


def test_off_at_first(loop):
    assert loop.get_debug() is sys.flags.dev_mode
    loop.set_debug(True)
    assert loop.get_debug() is True
    assert "debug=True" in repr(loop)
    loop.set_debug(False)
    assert loop.get_debug() is False


@pytest.mark.parametrize("options, environment, expected", [
    ((), {"PYTHONASYNCIODEBUG": "1"}, "True"),
    ((), {"PYTHONASYNCIODEBUG": ""}, "False"),
    (("-X", "dev"), {}, "True"),
    (("-E",), {"PYTHONASYNCIODEBUG": "1"}, "False"),
    ((), {}, "False"),
], ids=["PYTHONASYNCIODEBUG=1", "PYTHONASYNCIODEBUG=", "-X dev", "-E", "nothing"])
def test_switched_on_from_outside(loop_factory, options, environment, expected):
    source = f"import asyncio; loop = ({loop_factory.expression})(); print(loop.get_debug()); loop.close()"
    child = run_source(source, options=options, **environment)
    assert (child.stdout.strip(), child.stderr) == (expected, "")


# --- slow callbacks -------------------------------------------------------------------------------


@pytest.fixture
def all_is_slow(debug_loop, caplog):
    """Every callback counts as slow; gives the messages."""
    assert debug_loop.slow_callback_duration == 0.1
    debug_loop.slow_callback_duration = 0
    caplog.set_level(logging.WARNING, "asyncio")
    return lambda: [record.getMessage() for record in caplog.records]


def test_slow_callback_is_named_with_its_duration(loop, all_is_slow):
    def slow_callback():
        pass

    loop.call_soon(slow_callback)
    turn(loop)
    (message,) = [message for message in all_is_slow() if "slow_callback" in message]
    assert message.startswith("Executing <Handle") and "took 0.0" in message and message.endswith(" seconds")


def test_slow_step_names_the_task(loop, all_is_slow):
    async def slow_step():
        await asyncio.sleep(0)

    task = loop.create_task(slow_step(), name="the slow task")
    loop.run_until_complete(task)
    messages = [message for message in all_is_slow() if "the slow task" in message]
    assert len(messages) >= 2, "each of its steps"
    assert all(message.startswith("Executing <Task") and "took" in message for message in messages)


def test_slow_timer_is_named(loop, all_is_slow):
    def slow_timer():
        pass

    loop.call_later(0, slow_timer)
    turn(loop)
    assert [message for message in all_is_slow() if "slow_timer" in message and "TimerHandle" in message]


@pytest.mark.usefixtures("without_debug")
def test_fast_callbacks_and_no_debug_mode_say_nothing(loop, caplog):
    loop.slow_callback_duration = 0
    turn(loop, 2)
    loop.set_debug(True)
    loop.slow_callback_duration = 3600
    turn(loop, 2)
    assert caplog.records == []


# --- wrong thread ---------------------------------------------------------------------------------


WRONG_WAYS = {
    "call_soon": lambda loop: loop.call_soon(print),
    "call_later": lambda loop: loop.call_later(0, print),
    "call_at": lambda loop: loop.call_at(0, print),
}


@pytest.mark.parametrize("call", WRONG_WAYS.values(), ids=WRONG_WAYS)
def test_call_from_another_thread_is_refused(debug_loop, call):
    errors = []

    def work():
        try:
            call(debug_loop)
        except RuntimeError as error:
            errors.append(str(error))

    thread = threading.Thread(target=work)

    def start():
        thread.start()
        thread.join()

    debug_loop.call_soon(start)
    turn(debug_loop)
    assert len(errors) == 1 and "Non-thread-safe operation" in errors[0]


@pytest.mark.tulipa_only
@pytest.mark.parametrize("call", WRONG_WAYS.values(), ids=WRONG_WAYS)
def test_refusal_names_the_right_call(debug_loop, call):
    messages = []

    def work():
        with pytest.raises(RuntimeError) as caught:
            call(debug_loop)
        messages.append(str(caught.value))

    thread = threading.Thread(target=work)
    debug_loop.call_soon(lambda: (thread.start(), thread.join()))
    turn(debug_loop)
    assert "call_soon_threadsafe" in messages[0]


def test_future_completed_from_another_thread_is_refused(debug_loop):
    errors = []
    future = debug_loop.create_future()
    future.add_done_callback(print)

    def work():
        try:
            future.set_result(1)
        except RuntimeError as error:
            errors.append(str(error))

    thread = threading.Thread(target=work)
    debug_loop.call_soon(lambda: (thread.start(), thread.join()))
    turn(debug_loop)
    assert len(errors) == 1 and "Non-thread-safe operation" in errors[0]


def test_threadsafe_calls_are_not_refused(debug_loop):
    calls = []
    thread = threading.Thread(target=lambda: debug_loop.call_soon_threadsafe(calls.append, "called"))
    debug_loop.call_soon(lambda: (thread.start(), thread.join()))
    turn(debug_loop, 3)
    assert calls == ["called"]


def test_before_the_loop_runs_any_thread_may_call(debug_loop):
    calls = []
    thread = threading.Thread(target=lambda: debug_loop.call_soon(calls.append, "called"))
    thread.start()
    thread.join()
    turn(debug_loop)
    assert calls == ["called"]


# --- coroutines never awaited ---------------------------------------------------------------------


def test_origin_of_coroutines_is_tracked_while_the_loop_runs(debug_loop):
    depths = []
    before = sys.get_coroutine_origin_tracking_depth()
    debug_loop.call_soon(lambda: depths.append(sys.get_coroutine_origin_tracking_depth()))
    turn(debug_loop)
    assert depths[0] > 0 and sys.get_coroutine_origin_tracking_depth() == before


def test_origin_tracking_follows_set_debug(loop):
    depths = []

    async def main():
        for debug in (False, True, False):
            loop.set_debug(debug)
            await asyncio.sleep(0)  # the standard loop switches by a callback
            depths.append(sys.get_coroutine_origin_tracking_depth() > 0)

    loop.run_until_complete(main())
    assert depths == [False, True, False]


def test_coroutine_never_awaited_tells_where_it_was_made(debug_loop):
    async def forgotten():
        pass

    async def careless():
        forgotten()

    async def main():
        with pytest.warns(RuntimeWarning, match="forgotten") as caught:
            await careless()
            gc.collect()
        return str(caught[0].message)

    message = debug_loop.run_until_complete(main())
    assert "was never awaited" in message
    assert "Coroutine created at (most recent call last)" in message and "in careless" in message


def test_depth_of_others_comes_back(debug_loop):
    sys.set_coroutine_origin_tracking_depth(3)
    try:
        turn(debug_loop)
        assert sys.get_coroutine_origin_tracking_depth() == 3
    finally:
        sys.set_coroutine_origin_tracking_depth(0)


def test_all_works_the_same_in_debug_mode(debug_loop):
    async def work(number):
        await asyncio.sleep(0)
        return number

    async def main():
        async with asyncio.timeout(30):
            return await asyncio.gather(*map(work, range(10)))

    assert debug_loop.run_until_complete(main()) == list(range(10))
