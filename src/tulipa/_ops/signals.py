"""Signal handlers that run as the loop's callbacks. POSIX; a handler is set and removed in the main thread.

Python runs its signal handlers in the main thread, between two of its instructions; ours there posts the callback
to the loop. A signal that comes just before the loop waits, or that the kernel gives to another thread, must end
the wait: while a loop runs in the main thread, Python's wake-up descriptor leads to its driver.
"""

import contextlib
import errno
import functools
import inspect
import signal
import sys
import threading
import warnings
import weakref
from collections.abc import Callable

from tulipa._core.handles import Handle


def take_wake_up(loop):
    """The loop runs from here on: have signals wake its driver, where it runs in the main thread.

    A descriptor that somebody else has set stays, unless the loop has handlers to call.
    """
    if loop._thread_id != threading.main_thread().ident or loop._wake_up_before is not None:
        return
    ours = loop._driver.wake_descriptor()
    if ours < 0:
        return
    try:
        before = _set_wakeup_fd(ours)
    except ValueError:
        # The main thread of a sub-interpreter, where Python knows no signals.
        return
    if before == -1 or loop._signal_handlers:
        loop._wake_up_before = before
    else:
        _set_wakeup_fd(before)


def give_back_wake_up(loop):
    """The loop does not run any more: restore what was there before, unless somebody has replaced ours since."""
    before = loop._wake_up_before
    if before is None:
        return
    loop._wake_up_before = None
    current = _set_wakeup_fd(-1)
    try:
        _set_wakeup_fd(before if current == loop._driver.wake_descriptor() else current)
    except (ValueError, OSError):
        # Closed meanwhile.
        _set_wakeup_fd(-1)


def forget_wake_up(loop):
    """The driver's descriptor is about to be closed: signals must not be written to whatever has its number then."""
    loop._wake_up_before = None
    ours = loop._driver.wake_descriptor()
    if ours < 0:
        return
    with contextlib.suppress(ValueError, OSError):  # not in the main thread; closed meanwhile
        current = _set_wakeup_fd(-1)
        if current not in (-1, ours):
            _set_wakeup_fd(current)


def add_signal_handler(loop, sig: int, callback: Callable[..., object], *args: object) -> None:
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
        before = loop._signal_handlers.get(sig)
        loop._signal_handlers[sig] = Handle(callback, args, loop, None)
        try:
            signal.signal(sig, functools.partial(_notice, weakref.ref(loop)))
            # Let the kernel go on with what the signal interrupted, rather than fail with EINTR.
            signal.siginterrupt(sig, False)
            take_wake_up(loop)
        except BaseException:
            _put_back(loop, sig, before)
            raise
    except ValueError as exc:
        raise RuntimeError(f"signal handlers can be added in the main thread only: {exc}") from exc
    except OSError as exc:
        raise _cannot_be_caught(sig, exc) from exc


def remove_signal_handler(loop, sig: int) -> bool:
    """Give `sig` back its default meaning; False where the loop has no handler for it.

    Raises ValueError for what is no signal, and outside of the main thread.
    """
    _check_signal(sig)
    if sig not in loop._signal_handlers:
        return False
    try:
        signal.signal(sig, signal.default_int_handler if sig == signal.SIGINT else signal.SIG_DFL)
    except OSError as exc:
        raise _cannot_be_caught(sig, exc) from exc
    del loop._signal_handlers[sig]
    return True


def _cannot_be_caught(sig, error):
    """The error to raise where the system refuses."""
    return RuntimeError(f"sig {sig} cannot be caught") if error.errno == errno.EINVAL else error


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
        loop._signal_handlers.clear()
        return
    if threading.current_thread() is not threading.main_thread():
        names = ", ".join(signal.Signals(sig).name for sig in loop._signal_handlers)
        raise RuntimeError(
            f"Cannot close a loop with signal handlers ({names}) outside of the main thread; "
            "close it there, or call remove_signal_handler() there before"
        )
    for sig in list(loop._signal_handlers):
        loop.remove_signal_handler(sig)


def _put_back(loop, sig, before):
    """The handler could not be set: as if it had never been asked for."""
    if before is None:
        del loop._signal_handlers[sig]
    else:
        loop._signal_handlers[sig] = before


def _set_wakeup_fd(number):
    """As signal.set_wakeup_fd(). A full pipe wakes as well as one more byte: nobody is to be warned of it."""
    return signal.set_wakeup_fd(number, warn_on_full_buffer=False)


def _notice(reference, sig, frame):
    """Python's handler for `sig`; it may come between any two instructions of the main thread."""
    loop = reference()
    if loop is not None and not loop.is_closed():
        loop.call_soon_threadsafe(_deliver, loop, sig)


def _deliver(loop, sig):
    """In the loop: the handler's turn is next, if it is still there."""
    handle = loop._signal_handlers.get(sig)
    if handle is None:
        return
    if handle.cancelled():
        loop.remove_signal_handler(sig)
    else:
        loop.call_soon(handle._callback, *handle._args, context=handle._context)


def _check_signal(sig):
    if not isinstance(sig, int):
        raise TypeError(f"sig must be an int, not {sig!r}; take it from the module signal")
    if sig not in signal.valid_signals():
        raise ValueError(f"invalid signal number {sig}")
