"""A signal comes while the loop waits, just before, or just after: it is heard at once, and nothing else is lost."""

import asyncio
import os
import signal
import socket
import sys
import threading

import pytest
from helpers.accounting import turn
from helpers.cases import tulipa
from helpers.running import on_loop, turns

pytestmark = pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals as POSIX has them")

ROUNDS = 100  # each takes two switches of threads, which is long on a busy machine


@pytest.fixture
def usr1():
    """Set a handler of Python's for SIGUSR1; what was there comes back."""
    before = signal.getsignal(signal.SIGUSR1)
    yield lambda handler: signal.signal(signal.SIGUSR1, handler)
    signal.signal(signal.SIGUSR1, before)


class Sender:
    """Sends SIGUSR1 to the main thread each time that it is asked to; from another thread, so at any moment."""

    def __init__(self):
        self._asked = threading.Semaphore(0)
        self._over = False
        self._thread = threading.Thread(target=self._send)

    def _send(self):
        while self._asked.acquire() and not self._over:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)

    def __enter__(self):
        self._thread.start()
        return self._asked.release

    def __exit__(self, *_):
        self._over = True
        self._asked.release()
        self._thread.join()


@pytest.mark.tulipa_only  # the standard loop sleeps on where the signal comes just before it waits
def test_handler_of_python_ends_each_wait(loop, usr1):
    """Each round the next signal is asked for, and the loop has nothing to do but to wait for it."""
    rounds = []

    def heard():
        rounds.append(None)
        if len(rounds) == ROUNDS:
            loop.stop()
        else:
            send()

    usr1(lambda *_: loop.call_soon_threadsafe(heard))
    with Sender() as send:
        loop.call_soon(send)
        loop.run_forever()
    assert len(rounds) == ROUNDS


def test_handler_of_the_loop_ends_each_wait(loop):
    calls = []

    def handler():
        calls.append(None)
        if len(calls) == ROUNDS:
            loop.stop()
        else:
            send()

    with Sender() as send:
        loop.add_signal_handler(signal.SIGUSR1, handler)
        loop.call_soon(send)
        loop.run_forever()
        loop.remove_signal_handler(signal.SIGUSR1)
    assert len(calls) == ROUNDS


@on_loop
async def test_readiness_is_told_though_signals_interrupt(loop):
    """Bytes arrive while signals do; each byte is told, however often the wait is interrupted."""
    one, two = socket.socketpair()
    one.setblocking(False)
    got, signals = [], []
    loop.add_signal_handler(signal.SIGUSR1, signals.append, None)
    loop.add_reader(one, lambda: got.append(one.recv(1)))
    with Sender() as send:
        for number in range(100):
            send()
            two.send(b"x")
            while len(got) <= number:
                await asyncio.sleep(0.0005)
    await turns(3)
    assert len(got) == 100 and signals
    loop.remove_reader(one)
    loop.remove_signal_handler(signal.SIGUSR1)
    one.close()
    two.close()


def test_exception_of_a_handler_loses_no_readiness(loop, usr1):
    """It leaves the loop in the middle of a wait that had something to tell: that is told in the next run."""

    def handler(*_):
        raise KeyboardInterrupt

    def interrupt():
        two.send(b"x")
        signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)

    usr1(handler)
    one, two = socket.socketpair()
    one.setblocking(False)
    told = []
    loop.add_reader(one, told.append, None)
    for _ in range(20):
        thread = threading.Thread(target=interrupt)
        with pytest.raises(KeyboardInterrupt):
            loop.call_soon(thread.start)
            loop.run_forever()
        thread.join()
        assert not loop.is_running()
        told.clear()
        turn(loop, 2)
        assert told
        assert one.recv(10) == b"x"
    loop.remove_reader(one)
    one.close()
    two.close()


@pytest.fixture
def interrupt_in():
    """Raise KeyboardInterrupt at the beginning of a Python function, as a signal's handler may."""
    if tulipa is not None and tulipa.is_compiled():
        pytest.skip("compiled, signals are heard in callbacks and while the loop waits")
    before = sys.gettrace()

    def begin(*names):
        def trace(frame, event, _argument):
            if frame.f_code.co_name in names:
                sys.settrace(before)
                raise KeyboardInterrupt

        sys.settrace(trace)

    yield begin
    sys.settrace(before)


@pytest.mark.parametrize("moment", [("_run",), ("_fire", "_run"), ("_take_happened", "_run")])
def test_exception_just_before_readiness_is_told(loop, interrupt_in, moment):
    one, two = socket.socketpair()
    one.setblocking(False)
    told = []
    loop.add_reader(one, told.append, None)
    two.send(b"x")
    interrupt_in(*moment)
    with pytest.raises(KeyboardInterrupt):
        loop.run_forever()
    assert not told
    turn(loop, 2)
    assert told
    loop.remove_reader(one)
    one.close()
    two.close()


def test_exception_while_what_was_posted_is_taken_in(loop, interrupt_in):
    calls = []
    for number in range(3):
        loop.call_soon_threadsafe(calls.append, number)
    interrupt_in("_append", "run_forever")
    with pytest.raises(KeyboardInterrupt):
        loop.run_forever()
    assert not calls
    loop.call_soon_threadsafe(loop.stop)
    loop.run_forever()
    assert calls == [0, 1, 2]


def test_handler_changes_what_is_waited_for(loop, usr1):
    """It removes the reader that is just being told, adds another, and schedules: in the middle of the wait."""
    one, two = socket.socketpair()
    for sock in (one, two):
        sock.setblocking(False)
    calls = []

    def handler(*_):
        loop.remove_reader(one)
        two.send(b"x")
        loop.add_writer(one, wrote)
        loop.call_soon_threadsafe(calls.append, "called")

    def wrote():
        calls.append("wrote")
        loop.remove_writer(one)
        loop.call_soon(loop.stop)

    usr1(handler)
    loop.add_reader(one, calls.append, "read")
    thread = threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGUSR1))
    loop.call_soon(thread.start)
    loop.run_forever()
    thread.join()
    assert sorted(calls) == ["called", "wrote"]
    one.close()
    two.close()
