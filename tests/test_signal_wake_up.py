"""Python's wake-up descriptor for signals: borrowed by a loop with signal handlers, and given back."""

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


@pytest.fixture
def of_others():
    """A wake-up descriptor that somebody else has set, as a socket."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    before = signal.set_wakeup_fd(writer.fileno())
    with reader, writer:
        yield writer
        signal.set_wakeup_fd(before)


def test_borrowed_with_the_first_handler_and_given_back_with_the_last(loop, of_others):
    assert loop._pending_counts()[2] == 0
    for number in SIGNALS:
        loop.add_signal_handler(number, print)
        assert wake_up_descriptor() not in (-1, of_others.fileno())
        assert loop._pending_counts()[2] == 1
    loop.remove_signal_handler(SIGNALS[0])
    assert wake_up_descriptor() not in (-1, of_others.fileno())
    loop.remove_signal_handler(SIGNALS[1])
    assert wake_up_descriptor() == of_others.fileno()
    assert loop._pending_counts()[2] == 0


def test_given_back_at_close(loop_factory, of_others):
    before = open_descriptors()
    loop = loop_factory()
    loop.add_signal_handler(SIGNALS[0], print)
    loop.close()
    assert wake_up_descriptor() == of_others.fileno()
    assert open_descriptors() == before


@pytest.mark.parametrize("first_to_close", [0, 1])
def test_two_loops_in_any_order(loop_factory, of_others, first_to_close):
    loops = [loop_factory(), loop_factory()]
    for loop, number in zip(loops, SIGNALS, strict=True):
        loop.add_signal_handler(number, print)
    loops.pop(first_to_close).close()
    assert wake_up_descriptor() not in (-1, of_others.fileno())
    loops.pop().close()
    assert wake_up_descriptor() == of_others.fileno()


def test_what_others_set_later_stays(loop, of_others):
    loop.add_signal_handler(SIGNALS[0], print)
    signal.set_wakeup_fd(of_others.fileno())
    loop.remove_signal_handler(SIGNALS[0])
    assert wake_up_descriptor() == of_others.fileno()


def test_none_where_the_one_before_was_closed_meanwhile(loop, of_others):
    loop.add_signal_handler(SIGNALS[0], print)
    of_others.close()
    loop.remove_signal_handler(SIGNALS[0])
    assert wake_up_descriptor() == -1


def test_failing_to_add_borrows_nothing(loop, of_others):
    with pytest.raises(RuntimeError, match="cannot be caught"):
        loop.add_signal_handler(signal.SIGKILL, print)
    assert wake_up_descriptor() == of_others.fileno()
    assert loop._pending_counts()[2] == 0


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


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="signals go to a chosen thread")
def test_signal_that_the_kernel_gives_to_another_thread_wakes_the_loop(loop):
    ready = threading.Event()

    def take_the_signal():
        ready.wait()
        signal.pthread_kill(threading.get_ident(), SIGNALS[0])

    loop.add_signal_handler(SIGNALS[0], loop.stop)
    thread = threading.Thread(target=take_the_signal)
    thread.start()
    loop.call_soon(ready.set)
    loop.run_forever()
    thread.join()
    loop.remove_signal_handler(SIGNALS[0])
