"""Python's wake-up descriptor for signals: borrowed by a loop that runs in the main thread, and given back."""

import asyncio
import gc
import os
import signal
import socket
import sys
import threading

import pytest
from helpers.accounting import open_descriptors, turn

tulipa = pytest.importorskip("tulipa")
pytestmark = [
    pytest.mark.tulipa_only,
    pytest.mark.skipif(not hasattr(signal, "siginterrupt"), reason="signal handlers of a loop need POSIX"),
]

SIGNALS = signal.SIGUSR1, signal.SIGUSR2


def wake_up_descriptor():
    number = signal.set_wakeup_fd(-1)
    if number != -1:
        signal.set_wakeup_fd(number)
    return number


def while_running(loop, function=wake_up_descriptor):
    """What a callback of the loop gets from the function."""
    async def call():
        return function()

    return loop.run_until_complete(call())


@pytest.fixture(autouse=True)
def given_back():
    yield
    assert wake_up_descriptor() == -1


@pytest.fixture
def of_others():
    """A wake-up descriptor that somebody else has set, as a socket."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    before = signal.set_wakeup_fd(writer.fileno())
    with reader, writer:
        yield writer
        signal.set_wakeup_fd(before)


def test_borrowed_while_the_loop_runs(loop):
    assert while_running(loop) == loop._driver.wake_descriptor() != -1
    assert wake_up_descriptor() == -1
    loop.add_signal_handler(SIGNALS[0], print)
    assert wake_up_descriptor() == -1, "a loop that does not run has nothing to be woken from"
    loop.remove_signal_handler(SIGNALS[0])


def test_given_back_when_the_run_fails(loop):
    def fail():
        raise SystemExit

    loop.call_soon(fail)
    with pytest.raises(SystemExit):
        loop.run_forever()
    assert wake_up_descriptor() == -1


def test_anothers_stays_where_no_handler_needs_it(loop, of_others):
    assert while_running(loop) == of_others.fileno()
    assert wake_up_descriptor() == of_others.fileno()


def test_anothers_is_replaced_for_a_handler_and_restored(loop, of_others):
    loop.add_signal_handler(SIGNALS[0], print)
    assert wake_up_descriptor() == of_others.fileno()
    assert while_running(loop) == loop._driver.wake_descriptor()
    assert wake_up_descriptor() == of_others.fileno()
    loop.remove_signal_handler(SIGNALS[0])
    assert while_running(loop) == of_others.fileno()


def test_handler_added_while_running(loop, of_others):
    def add():
        loop.add_signal_handler(SIGNALS[0], print)
        return wake_up_descriptor()

    assert while_running(loop, add) == loop._driver.wake_descriptor()
    assert wake_up_descriptor() == of_others.fileno()
    loop.remove_signal_handler(SIGNALS[0])


def test_failing_to_add_borrows_nothing(loop, of_others):
    def add():
        with pytest.raises(RuntimeError, match="cannot be caught"):
            loop.add_signal_handler(signal.SIGKILL, print)
        return wake_up_descriptor()

    assert while_running(loop, add) == of_others.fileno()
    assert wake_up_descriptor() == of_others.fileno()


def test_what_others_set_meanwhile_stays(loop):
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    with reader, writer:
        while_running(loop, lambda: signal.set_wakeup_fd(writer.fileno()))
        assert wake_up_descriptor() == writer.fileno()
        signal.set_wakeup_fd(-1)


def test_none_where_the_one_before_was_closed_meanwhile(loop, of_others):
    loop.add_signal_handler(SIGNALS[0], print)
    while_running(loop, of_others.close)
    assert wake_up_descriptor() == -1
    loop.remove_signal_handler(SIGNALS[0])


def test_somebody_puts_ours_back_after_the_run(loop_factory):
    """Who borrows it during the run and returns it later must not leave it leading to a closed loop's number."""
    loop = loop_factory()
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    with reader, writer:
        ours = while_running(loop, lambda: signal.set_wakeup_fd(writer.fileno()))
        assert ours == loop._driver.wake_descriptor()
        signal.set_wakeup_fd(ours)
        loop.close()
        assert wake_up_descriptor() == -1


def test_loops_one_after_another_and_in_one_another(loop_factory, of_others):
    """A second loop runs inside of a callback of the first, as by those who make asyncio re-entrant."""
    outer, inner = loop_factory(), loop_factory()
    outer.add_signal_handler(SIGNALS[0], print)
    inner.add_signal_handler(SIGNALS[1], print)

    def run_inner():
        asyncio._set_running_loop(None)
        try:
            return while_running(inner), wake_up_descriptor()
        finally:
            asyncio._set_running_loop(outer)

    for _ in range(3):
        numbers = inner._driver.wake_descriptor(), outer._driver.wake_descriptor()
        assert while_running(outer, run_inner) == numbers
        assert wake_up_descriptor() == of_others.fileno()
    outer.close()
    assert while_running(inner) == inner._driver.wake_descriptor()
    inner.close()
    assert wake_up_descriptor() == of_others.fileno()


def test_a_loop_outside_of_the_main_thread_borrows_nothing(loop_factory, of_others):
    loop, seen = loop_factory(), []

    def run():
        loop.call_soon_threadsafe(running.set)
        loop.run_forever()

    running = threading.Event()
    thread = threading.Thread(target=run)
    thread.start()
    running.wait()
    seen.append(wake_up_descriptor())
    # The main thread may give that loop handlers all the same.
    loop.add_signal_handler(SIGNALS[0], loop.stop)
    seen.append(wake_up_descriptor())
    signal.raise_signal(SIGNALS[0])
    thread.join()
    loop.close()
    assert seen == [of_others.fileno()] * 2


def test_descriptors_of_a_loop_with_handlers(loop_factory):
    before = open_descriptors()
    loop = loop_factory()
    mine = open_descriptors()
    loop.add_signal_handler(SIGNALS[0], print)
    turn(loop)
    assert open_descriptors() == mine
    loop.close()
    assert open_descriptors() == before


def test_close_outside_of_the_main_thread_is_refused_as_a_whole(loop):
    def close():
        with pytest.raises(RuntimeError, match=r"SIGUSR1.*main thread"):
            loop.close()
        refused.append(True)

    refused, calls = [], []
    loop.add_signal_handler(SIGNALS[0], calls.append, "called")
    thread = threading.Thread(target=close)
    thread.start()
    thread.join()
    assert refused and not loop.is_closed()
    signal.raise_signal(SIGNALS[0])
    turn(loop, 3)
    assert calls == ["called"]
    loop.remove_signal_handler(SIGNALS[0])


def test_loop_that_is_lost_lets_go(loop_factory):
    loop = loop_factory()
    loop.add_signal_handler(SIGNALS[0], print)
    with pytest.warns(ResourceWarning, match="unclosed event loop"):
        del loop
        gc.collect()
    assert wake_up_descriptor() == -1
    assert signal.getsignal(SIGNALS[0]) is signal.SIG_DFL


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork()")
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_signal_to_a_forked_child_is_not_the_parents(loop):
    calls = []
    loop.add_signal_handler(SIGNALS[0], calls.append, os.getpid())
    child = os.fork()
    if child == 0:
        signal.raise_signal(SIGNALS[0])
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    turn(loop, 3)
    assert calls == []
    loop.remove_signal_handler(SIGNALS[0])


def test_a_driver_without_a_descriptor_borrows_none(of_others):
    from tulipa._drivers.selectors import SelectorsDriver

    class Plain(SelectorsDriver):
        def wake_descriptor(self):
            return -1

    loop = tulipa.EventLoop(Plain())
    loop.add_signal_handler(SIGNALS[0], loop.stop)
    assert while_running(loop) == of_others.fileno()
    loop.call_later(0.001, signal.raise_signal, SIGNALS[0])
    loop.run_forever()
    loop.close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="signals go to a chosen thread")
@pytest.mark.parametrize("by_loop", [True, False], ids=["handler of the loop", "handler of Python"])
def test_signal_that_the_kernel_gives_to_another_thread_wakes_the_loop(loop, by_loop):
    ready = threading.Event()

    def take_the_signal():
        ready.wait()
        signal.pthread_kill(threading.get_ident(), SIGNALS[0])

    before = signal.getsignal(SIGNALS[0])
    if by_loop:
        loop.add_signal_handler(SIGNALS[0], loop.stop)
    else:
        signal.signal(SIGNALS[0], lambda *_: loop.call_soon_threadsafe(loop.stop))
    thread = threading.Thread(target=take_the_signal)
    thread.start()
    loop.call_soon(ready.set)
    loop.run_forever()
    thread.join()
    loop.remove_signal_handler(SIGNALS[0])
    signal.signal(SIGNALS[0], before)
