"""Signal handlers that run as the loop's callbacks. POSIX; a handler is set and removed in the main thread.

Python runs its signal handlers in the main thread, between two of its instructions; ours there posts the callback
to the loop. The kernel may have given the signal to another thread while the main thread waits in the driver, so
Python's wake-up descriptor leads to a socket pair that the driver watches. Its bytes carry no meaning: a forked
child shares the pair, and a signal to the child must not look like one to us.
"""

import contextvars
import errno
import functools
import inspect
import signal
import socket
import sys
import threading
import warnings
import weakref
from collections.abc import Callable
from typing import TypeVarTuple

Arguments = TypeVarTuple("Arguments")

_taken: "weakref.WeakSet[WakeUp]" = weakref.WeakSet()


class WakeUp:
    """Holds Python's wake-up descriptor for a loop, and what was there before."""

    def __init__(self, loop):
        self._reader, self._writer = socket.socketpair()
        self._number = self._writer.fileno()
        try:
            self._reader.setblocking(False)
            self._writer.setblocking(False)
            loop.add_reader(self._reader, self._drain)
            self._before = signal.set_wakeup_fd(self._number)
        except BaseException:
            self._close(loop)
            raise
        _taken.add(self)

    def give_back(self, loop):
        """Restore what was there before, unless somebody else has taken the descriptor's place since."""
        current = signal.set_wakeup_fd(-1)
        _taken.discard(self)
        if current == self._number:
            _set_wakeup_fd(self._before)
        else:
            _set_wakeup_fd(current)
            for other in _taken:
                if other._before == self._number:
                    other._before = self._before
        self._close(loop)

    def _drain(self):
        try:
            while self._reader.recv(4096):
                pass
        except BlockingIOError:
            pass

    def _close(self, loop):
        loop.remove_reader(self._reader)
        self._reader.close()
        self._writer.close()


def add_signal_handler(
    loop, sig: int, callback: Callable[[*Arguments], object], *args: *Arguments
) -> None:
    """Call ``callback(*args)`` in the loop when `sig` arrives, instead of what was done before.

    Raises ValueError for what is no signal, TypeError for a coroutine function, and RuntimeError outside of the
    main thread and for a signal that can't be caught.
    """
    if inspect.iscoroutine(callback) or inspect.iscoroutinefunction(callback):
        raise TypeError(
            "coroutines cannot be used with add_signal_handler(); "
            "give a function that calls loop.create_task() with the coroutine"
        )
    if not hasattr(signal, "siginterrupt"):
        raise NotImplementedError("signal handlers of a loop need POSIX; use signal.signal() on this platform")
    _check_signal(sig)
    loop._check_closed()
    try:
        if loop._signal_wake_up is None:
            loop._signal_wake_up = WakeUp(loop)
        before = loop._signal_handlers.get(sig)
        loop._signal_handlers[sig] = callback, args, contextvars.copy_context()
        try:
            signal.signal(sig, functools.partial(_notice, weakref.ref(loop)))
            # Let the kernel go on with what the signal interrupted, rather than fail with EINTR.
            signal.siginterrupt(sig, False)
        except BaseException:
            _put_back(loop, sig, before)
            raise
    except ValueError as exc:
        raise RuntimeError(f"signal handlers can be added in the main thread only: {exc}") from exc
    except OSError as exc:
        if exc.errno == errno.EINVAL:
            raise RuntimeError(f"sig {sig} cannot be caught") from exc
        raise


def remove_signal_handler(loop, sig: int) -> bool:
    """Give `sig` back its default meaning; False where the loop has no handler for it.

    Raises ValueError for what is no signal, and outside of the main thread.
    """
    _check_signal(sig)
    if sig not in loop._signal_handlers:
        return False
    signal.signal(sig, signal.default_int_handler if sig == signal.SIGINT else signal.SIG_DFL)
    del loop._signal_handlers[sig]
    _give_back_if_last(loop)
    return True


def release(loop):
    """At close: remove every handler. Raises RuntimeError outside of the main thread, where none can be removed."""
    if not loop._signal_handlers:
        return
    if sys.is_finalizing():
        warnings.warn(
            f"Closing the loop {loop!r} on interpreter shutdown stage, skipping signal handlers removal",
            ResourceWarning,
            source=loop,
            stacklevel=2,
        )
        return
    if threading.current_thread() is not threading.main_thread():
        names = ", ".join(signal.Signals(sig).name for sig in loop._signal_handlers)
        raise RuntimeError(
            f"Cannot close a loop with signal handlers ({names}) outside of the main thread; "
            "close it there, or call remove_signal_handler() there before"
        )
    for sig in list(loop._signal_handlers):
        remove_signal_handler(loop, sig)


def _put_back(loop, sig, before):
    """The handler could not be set: as if it had never been asked for."""
    if before is not None:
        loop._signal_handlers[sig] = before
        return
    del loop._signal_handlers[sig]
    _give_back_if_last(loop)


def _give_back_if_last(loop):
    if not loop._signal_handlers:
        wake_up = loop._signal_wake_up
        loop._signal_wake_up = None
        wake_up.give_back(loop)


def _set_wakeup_fd(number):
    """As signal.set_wakeup_fd(), and none at all where `number` was closed meanwhile."""
    try:
        signal.set_wakeup_fd(number)
    except (ValueError, OSError):
        signal.set_wakeup_fd(-1)


def _notice(reference, sig, frame):
    """Python's handler for `sig`; it may come between any two instructions of the main thread."""
    loop = reference()
    if loop is not None and not loop.is_closed():
        loop.call_soon_threadsafe(_deliver, loop, sig)


def _deliver(loop, sig):
    """In the loop: the handler's turn is next, if it is still there."""
    if sig in loop._signal_handlers:
        callback, args, context = loop._signal_handlers[sig]
        loop.call_soon(callback, *args, context=context)


def _check_signal(sig):
    if not isinstance(sig, int):
        raise TypeError(f"sig must be an int, not {sig!r}; take it from the module signal")
    if sig not in signal.valid_signals():
        raise ValueError(f"invalid signal number {sig}")
