"""The compiled part of a Timeout: its states, and the timer that cancels the task."""

from asyncio import _get_running_loop, current_task, get_running_loop

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._core.places import PASSED
from tulipa._core.ready import LoopState

if not cython.compiled:  # compiled, the .pxd declares them
    from tulipa._core.native import set_signature

_CREATED = "created"
_ENTERED = "active"
_EXPIRING = "expiring"
_EXPIRED = "expired"
_EXITED = "finished"


class Deadline:
    """All of a Timeout but its coroutines, which are not compiled: `__aenter__`, and `_expire` for `__aexit__`."""

    def __init__(self, when):
        self._state = _CREATED
        self._timeout_handler = None
        self._task = None
        self._when = when
        self._delay = None
        self._cancelling = 0
        self._patient = True

    def __repr__(self):
        words = f"<{type(self).__name__} [{self._state}]"
        if self._state is _ENTERED:
            words += f" when={None if self._when is None else round(self._when, 3)}"
        return f"{words}>"

    def when(self):
        """The deadline in seconds of the loop's clock, or None."""
        return self._when

    def reschedule(self, when):
        """Move the deadline; None is none. Raises RuntimeError outside of the block, and once it has passed."""
        if self._state is not _ENTERED:
            if self._state is _CREATED:
                raise RuntimeError("Timeout has not been entered: call reschedule() within its `async with` block")
            raise RuntimeError(f"Cannot change state of {self._state} Timeout: make a new one")
        self._delay = None
        self._schedule(get_running_loop(), when)

    def expired(self):
        """Whether the deadline passed while the block ran."""
        return self._state is _EXPIRING or self._state is _EXPIRED

    def _enter(self):
        """The block begins."""
        if self._state is not _CREATED:
            raise RuntimeError("Timeout has already been entered: make a new one for each block")
        loop = _get_running_loop()
        if isinstance(loop, LoopState) and cython.cast(LoopState, loop)._entered is not None:
            task = cython.cast(LoopState, loop)._entered
        else:
            task = current_task()
        if task is None:
            raise RuntimeError("Timeout should be used inside a task: start it by asyncio.run() or create_task()")
        self._state = _ENTERED
        self._task = task
        self._cancelling = task.cancelling()
        if self._when is not None:
            self._schedule(loop, self._when)

    def __aexit__(self, exc_type, exc_val, exc_tb):
        if self._timeout_handler is not None:
            self._timeout_handler.cancel()
            self._timeout_handler = None
        if self._state is _EXPIRING:
            self._state = _EXPIRED
            return self._expire(exc_val)
        self._state = _EXITED
        return PASSED  # no coroutine where nothing happened

    def _schedule(self, loop, when):
        self._when = when
        if self._timeout_handler is not None:
            self._timeout_handler.cancel()
            self._timeout_handler = None
        if when is not None:
            if when <= loop.time():
                self._timeout_handler = loop.call_soon(self._on_timeout)
            else:
                self._timeout_handler = loop.call_at(when, self._on_timeout)

    def _on_timeout(self):
        awaited = getattr(self._task, "_fut_waiter", None)
        if self._patient and awaited is not None and awaited.done() and not awaited.cancelled():
            # What the block waits for is there, and the task about to take it: it would be lost. Its turn is first.
            self._patient = False
            self._timeout_handler = get_running_loop().call_soon(self._on_timeout)
            return
        self._timeout_handler = None
        self._state = _EXPIRING
        self._task.cancel()


set_signature(Deadline, "(when)")
