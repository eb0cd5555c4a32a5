"""Signals: add_signal_handler and remove_signal_handler, Python's own handlers, Ctrl-C."""

import asyncio
import contextvars
import errno
import os
import signal
import threading

import pytest
from helpers.processes import Child, run_source

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")


@pytest.fixture(autouse=True)
def handlers_come_back():
    """No test may leave a signal handler or the wake-up descriptor changed."""
    watched = (signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM, signal.SIGCHLD)
    before = [signal.getsignal(number) for number in watched]
    yield
    assert [signal.getsignal(number) for number in watched] == before
    descriptor = signal.set_wakeup_fd(-1)
    assert descriptor == -1


# --- handlers -------------------------------------------------------------------------------------


def test_handler_is_called_by_the_loop(loop):
    calls = []

    def handler(*args):
        calls.append((args, asyncio.get_running_loop() is loop))
        loop.stop()

    loop.add_signal_handler(signal.SIGUSR1, handler, 1, "two")
    loop.call_soon(os.kill, os.getpid(), signal.SIGUSR1)
    loop.run_forever()
    assert calls == [((1, "two"), True)]
    assert loop.remove_signal_handler(signal.SIGUSR1) is True


def test_signal_from_another_thread_wakes_a_waiting_loop(loop):
    calls = []
    loop.add_signal_handler(signal.SIGUSR1, lambda: (calls.append("called"), loop.stop()))
    thread = threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGUSR1))
    loop.call_soon(thread.start)
    loop.run_forever()
    thread.join()
    assert calls == ["called"]
    loop.remove_signal_handler(signal.SIGUSR1)


def test_signal_before_the_loop_runs(loop):
    calls = []
    loop.add_signal_handler(signal.SIGUSR1, lambda: (calls.append("called"), loop.stop()))
    signal.raise_signal(signal.SIGUSR1)
    loop.run_forever()
    assert calls == ["called"]
    loop.remove_signal_handler(signal.SIGUSR1)


def test_several_signals_each_have_their_handler(loop):
    calls = []

    def note(name):
        calls.append(name)
        if len(calls) == 3:
            loop.stop()

    numbers = {"usr1": signal.SIGUSR1, "usr2": signal.SIGUSR2, "term": signal.SIGTERM}
    for name, number in numbers.items():
        loop.add_signal_handler(number, note, name)
        loop.call_soon(signal.raise_signal, number)
    loop.run_forever()
    assert sorted(calls) == ["term", "usr1", "usr2"]
    for number in numbers.values():
        assert loop.remove_signal_handler(number)


def test_second_handler_replaces_the_first(loop):
    calls = []
    loop.add_signal_handler(signal.SIGUSR1, calls.append, "first")
    loop.add_signal_handler(signal.SIGUSR1, lambda: (calls.append("second"), loop.stop()))
    loop.call_soon(signal.raise_signal, signal.SIGUSR1)
    loop.run_forever()
    assert calls == ["second"]
    assert loop.remove_signal_handler(signal.SIGUSR1) is True
    assert loop.remove_signal_handler(signal.SIGUSR1) is False


def test_remove_what_is_not_there(loop):
    assert loop.remove_signal_handler(signal.SIGUSR1) is False


def test_removed_between_signal_and_turn(loop):
    calls = []

    def raise_and_remove():
        signal.raise_signal(signal.SIGUSR1)
        loop.remove_signal_handler(signal.SIGUSR1)
        loop.call_soon(loop.call_soon, loop.call_soon, loop.stop)

    loop.add_signal_handler(signal.SIGUSR1, calls.append, "too late")
    loop.call_soon(raise_and_remove)
    loop.run_forever()
    assert calls == []


def test_default_dispositions_come_back(loop):
    loop.add_signal_handler(signal.SIGINT, print)
    loop.add_signal_handler(signal.SIGUSR1, print)
    assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    loop.remove_signal_handler(signal.SIGINT)
    loop.remove_signal_handler(signal.SIGUSR1)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL


def test_close_removes_the_handlers(loop_factory):
    loop = loop_factory()
    loop.add_signal_handler(signal.SIGUSR1, print)
    loop.add_signal_handler(signal.SIGINT, print)
    loop.close()
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert loop.remove_signal_handler(signal.SIGUSR1) is False


def test_handlers_error_goes_to_the_exception_handler(loop, loop_errors):
    def fail():
        loop.call_soon(loop.stop)
        raise ValueError("in the handler")

    loop.add_signal_handler(signal.SIGUSR1, fail)
    loop.call_soon(signal.raise_signal, signal.SIGUSR1)
    loop.run_forever()
    assert [type(context["exception"]) for context in loop_errors] == [ValueError]
    loop_errors.clear()
    loop.remove_signal_handler(signal.SIGUSR1)


def test_handler_sees_the_context_of_its_adding(loop):
    variable = contextvars.ContextVar("variable", default="default")
    seen = []
    token = variable.set("adding")
    loop.add_signal_handler(signal.SIGUSR1, lambda: (seen.append(variable.get()), loop.stop()))
    variable.reset(token)
    loop.call_soon(signal.raise_signal, signal.SIGUSR1)
    loop.run_forever()
    assert seen == ["adding"]
    loop.remove_signal_handler(signal.SIGUSR1)


@pytest.mark.parametrize("wrong, error", [
    ("SIGUSR1", TypeError), (1.5, TypeError), (None, TypeError), (-1, ValueError), (0, ValueError),
    (100000, ValueError),
], ids=repr)
def test_no_such_signal(loop, wrong, error):
    with pytest.raises(error):
        loop.add_signal_handler(wrong, print)
    with pytest.raises(error):
        loop.remove_signal_handler(wrong)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_signals_that_cannot_be_caught(loop, number):
    with pytest.raises((RuntimeError, OSError)):
        loop.add_signal_handler(number, print)
    assert loop.remove_signal_handler(number) is False


@pytest.mark.tulipa_only  # the standard loop says the same, but forgets the handler, which stays in place
def test_handler_that_cannot_be_removed(loop, monkeypatch):
    loop.add_signal_handler(signal.SIGUSR1, print)

    def refuse(*args):
        raise OSError(errno.EINVAL, "invalid")

    with monkeypatch.context() as patch:
        patch.setattr(signal, "signal", refuse)
        with pytest.raises(RuntimeError, match="cannot be caught"):
            loop.remove_signal_handler(signal.SIGUSR1)
    loop.remove_signal_handler(signal.SIGUSR1)


def test_handles_that_programs_look_into(loop):
    """prompt_toolkit and others remember the handler that was there, and put it back."""
    loop.add_signal_handler(signal.SIGUSR1, print, "one", 2)
    handle = loop._signal_handlers[signal.SIGUSR1]
    assert isinstance(handle, asyncio.Handle)
    assert (handle._callback, handle._args) == (print, ("one", 2))
    loop.remove_signal_handler(signal.SIGUSR1)
    assert signal.SIGUSR1 not in loop._signal_handlers


def test_coroutines_are_no_handlers(loop):
    async def handler():
        pass

    coroutine = handler()
    for wrong in (handler, coroutine):
        with pytest.raises(TypeError, match="coroutines cannot be used with add_signal_handler"):
            loop.add_signal_handler(signal.SIGUSR1, wrong)
    coroutine.close()


def test_only_in_the_main_thread(loop):
    errors = []

    def work():
        try:
            loop.add_signal_handler(signal.SIGUSR1, print)
        except (RuntimeError, ValueError) as error:
            errors.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(errors) == 1 and "main thread" in errors[0]


def test_closed_loop_takes_no_handlers(loop_factory):
    loop = loop_factory()
    loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        loop.add_signal_handler(signal.SIGUSR1, print)


# --- Python's own handlers ------------------------------------------------------------------------


@pytest.fixture
def python_handler():
    """Set a handler of the signal module for SIGUSR1; the old one comes back."""
    before = signal.getsignal(signal.SIGUSR1)
    yield lambda handler: signal.signal(signal.SIGUSR1, handler)
    signal.signal(signal.SIGUSR1, before)


def test_python_handler_runs_while_the_loop_waits(loop, python_handler):
    calls = []

    def handler(number, frame):
        calls.append(number)
        loop.call_soon_threadsafe(loop.stop)

    python_handler(handler)
    thread = threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGUSR1))
    loop.call_soon(thread.start)
    loop.run_forever()
    thread.join()
    assert calls == [signal.SIGUSR1]


def test_python_handler_runs_while_the_loop_is_busy(loop, python_handler):
    seen = []
    python_handler(lambda number, frame: seen.append(number))

    def busy():
        if seen:
            loop.stop()
        else:
            loop.call_soon(busy)

    loop.call_soon(busy)
    thread = threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGUSR1))
    loop.call_soon(thread.start)
    loop.run_forever()
    thread.join()
    assert seen == [signal.SIGUSR1]


def test_exception_of_a_python_handler_leaves_a_waiting_loop(loop, python_handler):
    class Alarm(Exception):
        pass

    def handler(number, frame):
        raise Alarm

    def arm():
        # From a thread, so that the loop is waiting, or is just about to.
        threads.append(threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGUSR1)))
        loop.call_soon(threads[0].start)

    threads = []
    python_handler(handler)
    # A callback that the signal hits passes the exception on to the handler of exceptions instead.
    reported = []
    loop.set_exception_handler(lambda loop, context: (reported.append(context["exception"]), loop.stop()))
    arm()
    try:
        loop.run_forever()
    except Alarm as error:
        reported.append(error)
    threads[0].join()
    assert [type(error) for error in reported] == [Alarm]
    assert not loop.is_running()


def test_many_signals_are_not_lost_for_the_loop(loop):
    rounds, calls = 200, []

    def handler():
        calls.append(None)
        if len(calls) < rounds:
            signal.raise_signal(signal.SIGUSR1)
        else:
            loop.stop()

    loop.add_signal_handler(signal.SIGUSR1, handler)
    loop.call_soon(signal.raise_signal, signal.SIGUSR1)
    loop.run_forever()
    assert len(calls) == rounds
    loop.remove_signal_handler(signal.SIGUSR1)


# --- Ctrl-C ---------------------------------------------------------------------------------------

CTRL_C = """
    import asyncio, os, signal, sys

    async def main():
        print("ready", flush=True)
        try:
            {wait}
        except asyncio.CancelledError:
            print("cancelled", flush=True)
            {answer}

    with asyncio.Runner(loop_factory={factory}) as runner:
        try:
            print("returned", runner.run(main()))
        except KeyboardInterrupt:
            print("KeyboardInterrupt", flush=True)
            {end}
"""


def ctrl_c(loop_factory, wait="await asyncio.Event().wait()", answer="raise", end="pass"):
    return CTRL_C.format(wait=wait, answer=answer, end=end, factory=loop_factory.expression)


def test_ctrl_c_cancels_the_main_task(loop_factory):
    with Child(ctrl_c(loop_factory)) as child:
        assert child.line() == "ready"
        child.send_signal(signal.SIGINT)
        assert child.line() == "cancelled"
        assert child.line() == "KeyboardInterrupt"
        assert child.finish() == (0, "", "")


def test_ctrl_c_while_the_program_is_busy_in_the_loop(loop_factory):
    wait = "\n".join(["while True:", " " * 16 + "await asyncio.sleep(0)"])
    with Child(ctrl_c(loop_factory, wait=wait)) as child:
        assert child.line() == "ready"
        child.send_signal(signal.SIGINT)
        assert child.line() == "cancelled"
        assert child.line() == "KeyboardInterrupt"
        assert child.finish() == (0, "", "")


def test_ctrl_c_that_the_task_survives(loop_factory):
    with Child(ctrl_c(loop_factory, answer="asyncio.current_task().uncancel(); return 'survived'")) as child:
        assert child.line() == "ready"
        child.send_signal(signal.SIGINT)
        assert child.line() == "cancelled"
        assert child.finish() == (0, "returned survived\n", "")


def test_second_ctrl_c_interrupts_at_once(loop_factory):
    # The second one is the child's own, so that it comes when the task that would not end is waiting again.
    again = "asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGINT)"
    with Child(ctrl_c(loop_factory, answer=f"{again}; await asyncio.Event().wait()")) as child:
        assert child.line() == "ready"
        child.send_signal(signal.SIGINT)
        assert child.line() == "cancelled"
        assert child.line() == "KeyboardInterrupt"
        code, output, _ = child.finish()
        assert (code, output) == (0, "")


def test_uncaught_ctrl_c_ends_the_process_by_the_signal(loop_factory):
    with Child(ctrl_c(loop_factory, end="raise")) as child:
        assert child.line() == "ready"
        child.send_signal(signal.SIGINT)
        assert child.line() == "cancelled"
        code, _, errors = child.finish()
        assert code == -signal.SIGINT and errors.rstrip().endswith("KeyboardInterrupt")


def test_ctrl_c_without_a_runner_leaves_run_forever(loop_factory):
    source = f"""
        import asyncio, os, signal, threading
        loop = ({loop_factory.expression})()
        loop.call_soon(threading.Timer(0, os.kill, (os.getpid(), signal.SIGINT)).start)
        try:
            loop.run_forever()
        except KeyboardInterrupt:
            print("interrupted", loop.is_running())
        loop.call_soon(loop.stop)
        loop.run_forever()
        loop.close()
        print("usable")
    """
    child = run_source(source)
    assert (child.returncode, child.stdout) == (0, "interrupted False\nusable\n"), child.stderr
