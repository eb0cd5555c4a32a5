"""PEP 3156, "Event Loop Interface Specification": policy, running, name look-ups, errors, debug."""

import asyncio
import gc
import logging
import socket
import sys
import threading
import time
import traceback

import pytest
from helpers.accounting import turn
from helpers.running import on_loop, turns

# Policies are deprecated since Python 3.14, until 3.16.
pytestmark = pytest.mark.filterwarnings("ignore:.*[pP]olicy.*:DeprecationWarning")


# --- Event Loop Policy -------------------------------------------------------------------------------


@pytest.fixture
def policy(loop_factory):
    """The policy of the loop under test, set for the process while the test runs."""
    if loop_factory.is_std:
        policy = asyncio.DefaultEventLoopPolicy()
    else:
        policy = loop_factory.api.EventLoopPolicy()
    before = asyncio.get_event_loop_policy()
    asyncio.set_event_loop_policy(policy)
    yield policy
    asyncio.set_event_loop_policy(before)


def test_set_event_loop_makes_the_current_loop_and_none_takes_it_away(loop, policy):
    asyncio.set_event_loop(loop)
    assert asyncio.get_event_loop() is policy.get_event_loop() is loop
    asyncio.set_event_loop(None)
    with pytest.raises(RuntimeError):
        asyncio.get_event_loop()


def test_each_thread_has_its_own_current_loop(loop, policy):
    def look():
        try:
            seen.append(policy.get_event_loop())
        except RuntimeError as error:
            seen.append(type(error))
        policy.set_event_loop(loop)
        seen.append(policy.get_event_loop())

    seen = []
    policy.set_event_loop(None)
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [RuntimeError, loop]
    with pytest.raises(RuntimeError):
        policy.get_event_loop()


def test_inside_of_a_callback_or_coroutine_the_current_loop_is_the_running_one(loop, policy):
    async def main():
        return asyncio.get_event_loop(), asyncio.get_running_loop()

    policy.set_event_loop(None)
    assert loop.run_until_complete(main()) == (loop, loop)
    seen = []
    loop.call_soon(lambda: seen.append(asyncio.get_running_loop()))
    turn(loop)
    assert seen == [loop]
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()


def test_new_event_loop_makes_one_and_does_not_set_it(loop_factory, policy):
    policy.set_event_loop(None)
    made = asyncio.new_event_loop()
    try:
        assert isinstance(made, asyncio.AbstractEventLoop) and not made.is_closed()
        if not loop_factory.is_std:
            assert isinstance(made, loop_factory.api.EventLoop)
        with pytest.raises(RuntimeError):
            policy.get_event_loop()
    finally:
        made.close()


def test_policies_are_set_got_and_reset(policy):
    assert asyncio.get_event_loop_policy() is policy
    with pytest.raises((TypeError, AssertionError)):
        asyncio.set_event_loop_policy("no policy")
    asyncio.set_event_loop_policy(None)
    assert isinstance(asyncio.get_event_loop_policy(), asyncio.DefaultEventLoopPolicy)
    for name in ("get_event_loop", "set_event_loop", "new_event_loop"):
        assert callable(getattr(asyncio.AbstractEventLoopPolicy, name)) and callable(getattr(policy, name))


def test_set_event_loop_takes_a_loop_or_none_only(policy):
    with pytest.raises((TypeError, AssertionError)):
        policy.set_event_loop("no loop")


def test_an_explicit_loop_is_used_without_a_current_one(loop, loop_factory, policy):
    policy.set_event_loop(None)
    future = loop_factory.api.Future(loop=loop)
    assert future.get_loop() is loop
    assert asyncio.ensure_future(asyncio.sleep(0), loop=loop).get_loop() is loop
    turn(loop, 2)


# --- Event Loop Classes, Methods Overview ------------------------------------------------------------

REQUIRED = """
    run_forever run_until_complete stop is_running close is_closed call_soon call_later call_at time
    call_soon_threadsafe run_in_executor set_default_executor getaddrinfo getnameinfo create_connection create_server
    create_datagram_endpoint sock_recv sock_sendall sock_connect sock_accept create_future create_task
    set_task_factory get_task_factory get_exception_handler set_exception_handler default_exception_handler
    call_exception_handler get_debug set_debug
    """.split()
OPTIONAL = """
    add_reader remove_reader add_writer remove_writer connect_read_pipe connect_write_pipe subprocess_shell
    subprocess_exec add_signal_handler remove_signal_handler
    """.split()


def test_all_methods_of_the_interface_are_there(loop):
    assert isinstance(loop, asyncio.AbstractEventLoop)
    for name in REQUIRED + OPTIONAL:
        assert getattr(type(loop), name) is not getattr(asyncio.AbstractEventLoop, name), name


# --- Starting, Stopping and Closing ------------------------------------------------------------------


@pytest.mark.virtual_too
def test_run_forever_runs_until_stop(loop):
    def step(number):
        seen.append((number, loop.is_running()))
        if number == 3:
            loop.stop()
        else:
            loop.call_soon(step, number + 1)

    seen = []
    assert not loop.is_running()
    loop.call_soon(step, 0)
    assert loop.run_forever() is None
    assert seen == [(number, True) for number in range(4)]
    assert not loop.is_running()


@pytest.mark.virtual_too
def test_a_running_loop_can_not_be_run_or_closed(loop):
    async def main():
        future = loop.create_future()
        with pytest.raises(RuntimeError):
            loop.run_until_complete(future)
        with pytest.raises(RuntimeError):
            loop.close()
        return "went on"

    assert loop.run_until_complete(main()) == "went on"


@pytest.mark.virtual_too
@pytest.mark.tulipa_only  # that of Python 3.13.0 forgets that it runs
def test_run_forever_refuses_a_loop_that_runs(loop):
    async def main():
        with pytest.raises(RuntimeError):
            loop.run_forever()
        return loop.is_running(), asyncio.get_running_loop()

    assert loop.run_until_complete(main()) == (True, loop)


@pytest.mark.virtual_too
def test_run_until_complete_gives_the_result_or_raises(loop):
    async def failing():
        raise KeyError("from the coroutine")

    future = loop.create_future()
    loop.call_soon(future.set_result, "result")
    assert loop.run_until_complete(future) == "result"
    assert loop.run_until_complete(future) == "result"
    with pytest.raises(KeyError, match="from the coroutine"):
        loop.run_until_complete(failing())
    cancelled = loop.create_future()
    loop.call_soon(cancelled.cancel)
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(cancelled)


@pytest.mark.virtual_too
def test_run_until_complete_makes_a_task_of_a_coroutine(loop, loop_factory):
    async def main():
        return asyncio.current_task()

    task = loop.run_until_complete(main())
    assert isinstance(task, loop_factory.api.Task) and task.done()


@pytest.mark.virtual_too
def test_a_loop_stopped_before_the_future_is_done_says_so(loop):
    loop.call_soon(loop.stop)
    with pytest.raises(RuntimeError):
        loop.run_until_complete(loop.create_future())


@pytest.mark.virtual_too
def test_stop_returns_and_no_scheduled_callback_is_lost(loop):
    def stopping():
        seen.append(loop.stop())
        seen.append("still in the callback")
        loop.call_soon(seen.append, "scheduled after stop")

    seen = []
    loop.call_soon(stopping)
    loop.call_later(3600, seen.append, "not in the future").cancel()
    loop.run_forever()
    assert seen == [None, "still in the callback"]
    turn(loop)
    assert seen[-1] == "scheduled after stop"


@pytest.mark.virtual_too
def test_stop_does_not_wait_and_runs_no_timers_of_the_future(loop):
    seen = []
    timer = loop.call_later(3600, seen.append, "timer")
    loop.stop()
    loop.run_forever()
    assert seen == []
    timer.cancel()


@pytest.mark.virtual_too
def test_close_may_be_repeated_and_nothing_is_accepted_afterwards(loop):
    assert loop.is_closed() is False
    loop.close()
    loop.close()
    assert loop.is_closed() is True
    for use in (
        loop.run_forever,
        lambda: loop.run_until_complete(asyncio.Future(loop=loop)),
        lambda: loop.call_soon(print),
        lambda: loop.call_later(1, print),
        lambda: loop.call_soon_threadsafe(print),
        lambda: loop.run_in_executor(None, print),
    ):
        with pytest.raises(RuntimeError):
            use()


def test_close_releases_the_default_executor(loop):
    async def main():
        return await loop.run_in_executor(None, threading.current_thread)

    thread = loop.run_until_complete(main())
    loop.close()
    thread.join(10)
    assert not thread.is_alive()


# --- Internet name lookups ---------------------------------------------------------------------------


@on_loop
async def test_getaddrinfo_gives_what_the_socket_module_gives(loop):
    for arguments in ({}, {"type": socket.SOCK_STREAM}, {"family": socket.AF_INET, "type": socket.SOCK_DGRAM}):
        found = await loop.getaddrinfo("127.0.0.1", 80, **arguments)
        assert found == socket.getaddrinfo("127.0.0.1", 80, **arguments)
    assert {family for family, *_ in await loop.getaddrinfo("localhost", 80, family=socket.AF_INET)} == {socket.AF_INET}
    with pytest.raises(TypeError):
        await loop.getaddrinfo("127.0.0.1", 80, socket.AF_INET)


@on_loop
async def test_getaddrinfo_of_ipv6_gives_addresses_of_four(loop):
    ((*_, address),) = await loop.getaddrinfo("::1", 80, type=socket.SOCK_STREAM)
    assert address == ("::1", 80, 0, 0)


@on_loop
async def test_getaddrinfo_fails_as_the_socket_module(loop):
    with pytest.raises(socket.gaierror):
        await loop.getaddrinfo("127.0.0.1", 80, family=socket.AF_INET6, flags=socket.AI_NUMERICHOST)


@on_loop
async def test_getnameinfo_gives_a_pair(loop):
    flags = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    assert await loop.getnameinfo(("127.0.0.1", 80), flags) == ("127.0.0.1", "80")
    assert await loop.getnameinfo(("127.0.0.1", 80)) == socket.getnameinfo(("127.0.0.1", 80), 0)


# --- Exceptions --------------------------------------------------------------------------------------


def failing():
    raise KeyError("from a callback")


@pytest.mark.virtual_too
def test_exceptions_of_callbacks_reach_the_handler_and_the_loop_goes_on(loop, loop_errors):
    seen = []
    handle = loop.call_soon(failing)
    loop.call_soon(seen.append, "went on")
    turn(loop)
    assert seen == ["went on"]
    (context,) = loop_errors
    assert isinstance(context["exception"], KeyError) and context["handle"] is handle
    assert isinstance(context["message"], str)
    loop_errors.clear()


@pytest.mark.virtual_too
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_keyboard_interrupt_and_system_exit_leave_the_loop(loop, kind):
    def leave():
        raise kind

    seen = []
    loop.call_soon(leave)
    loop.call_soon(seen.append, "later")
    with pytest.raises(kind):
        loop.run_forever()
    turn(loop)
    assert seen == ["later"]


@pytest.mark.virtual_too
def test_get_and_set_exception_handler(loop):
    before = loop.get_exception_handler()
    loop.set_exception_handler(None)
    assert loop.get_exception_handler() is None
    with pytest.raises(TypeError):
        loop.set_exception_handler("no handler")
    loop.set_exception_handler(before)
    assert loop.get_exception_handler() is before


@pytest.mark.virtual_too
def test_call_exception_handler_passes_the_context_or_uses_the_default(loop, loop_errors, caplog):
    context = {"message": "told by a library", "exception": KeyError("why")}
    loop.call_exception_handler(context)
    assert loop_errors == [context]
    loop_errors.clear()
    loop.set_exception_handler(None)
    with caplog.at_level(logging.ERROR, "asyncio"):
        loop.call_exception_handler(context)
        loop.default_exception_handler({"message": "directly"})
    first, second = caplog.records
    assert "told by a library" in first.message and first.exc_info[1] is context["exception"]
    assert "directly" in second.message


@pytest.mark.virtual_too
def test_source_traceback_and_handle_traceback_in_debug_mode(loop, loop_errors):
    async def fails():
        raise KeyError

    def drop():
        task = loop.create_task(fails())
        turn(loop, 2)
        del task
        gc.collect()

    loop.set_debug(True)
    loop.call_soon(failing)
    turn(loop)
    drop()
    tracebacks = [context.get("source_traceback") for context in loop_errors]
    assert len(tracebacks) == 2
    for stack in tracebacks:
        assert __file__ in {frame.filename for frame in stack}
        assert all(isinstance(line, str) for line in traceback.format_list(stack))
    loop_errors.clear()


# --- Debug Mode --------------------------------------------------------------------------------------


@pytest.mark.virtual_too
def test_debug_mode_is_off_and_can_be_set(loop):
    assert loop.get_debug() is sys.flags.dev_mode
    loop.set_debug(True)
    assert loop.get_debug() is True
    loop.set_debug(False)
    assert loop.get_debug() is False


def test_slow_callbacks_are_reported(loop, caplog):
    assert loop.slow_callback_duration == 0.1
    loop.slow_callback_duration = 0.001
    loop.set_debug(True)
    loop.call_soon(time.sleep, 0.01)
    with caplog.at_level(logging.WARNING, "asyncio"):
        turn(loop)
    assert any("took" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("value, expected", [("1", True), ("", sys.flags.dev_mode)])
def test_the_environment_variable_enables_debug_mode(loop_factory, value, expected, monkeypatch):
    monkeypatch.setenv("PYTHONASYNCIODEBUG", value)
    loop = loop_factory()
    try:
        assert loop.get_debug() is expected
    finally:
        loop.close()


# --- Tasks and futures support -----------------------------------------------------------------------


@pytest.mark.virtual_too
def test_create_future_and_create_task_make_those_of_the_loop(loop, loop_factory):
    future = loop.create_future()
    assert isinstance(future, loop_factory.api.Future) and future.get_loop() is loop
    task = loop.create_task(turns(1))
    assert isinstance(task, loop_factory.api.Task) and task.get_loop() is loop
    assert isinstance(future, asyncio.Future) and isinstance(task, asyncio.Task)
    loop.run_until_complete(task)


@pytest.mark.virtual_too
def test_task_factories_replace_the_class(loop):
    def factory(loop, coroutine, **options):
        made.append(asyncio.Task(coroutine, loop=loop, **options))
        return made[-1]

    made = []
    assert loop.get_task_factory() is None
    loop.set_task_factory(factory)
    assert loop.get_task_factory() is factory
    loop.run_until_complete(turns(1))
    assert loop.create_task(turns(1), name="named") is made[1] and made[1].get_name() == "named"
    with pytest.raises(TypeError):
        loop.set_task_factory("no factory")
    loop.set_task_factory(None)
    assert loop.get_task_factory() is None
    turn(loop, 3)


def test_methods_that_take_coroutines_take_futures_too(loop):
    async def coroutine():
        return "result"

    assert loop.run_until_complete(coroutine()) == "result"
    assert loop.run_until_complete(loop.create_task(coroutine())) == "result"


# --- Logging -----------------------------------------------------------------------------------------


@pytest.mark.virtual_too
def test_logging_is_by_the_one_logger(loop, caplog):
    loop.set_exception_handler(None)
    loop.call_soon(failing)
    turn(loop)
    assert {record.name for record in caplog.records} == {"asyncio"}
