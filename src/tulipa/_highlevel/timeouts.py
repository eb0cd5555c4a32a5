"""Timeout, timeout and timeout_at, as asyncio's of Python 3.15."""

import enum
from asyncio import CancelledError, current_task, get_running_loop
from typing import final

from tulipa._core.places import PASSED


class _State(enum.Enum):
    CREATED = "created"
    ENTERED = "active"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    EXITED = "finished"


@final
class Timeout:
    """An asynchronous context manager that cancels its block at `when`, in seconds of the loop's clock.

    Outside of the block the CancelledError is a TimeoutError. None is no timeout. Made by `timeout`, `timeout_at`.
    """

    __slots__ = (
        "__weakref__", "_cancelling", "_delay", "_patient", "_state", "_task", "_timeout_handler", "_when",
    )  # fmt: skip

    def __init__(self, when):
        self._state = _State.CREATED
        self._timeout_handler = None
        self._task = None
        self._when = when
        self._delay = None
        self._cancelling = 0
        self._patient = True

    def __repr__(self):
        words = f"<Timeout [{self._state.value}]"
        if self._state is _State.ENTERED:
            words += f" when={None if self._when is None else round(self._when, 3)}"
        return f"{words}>"

    def when(self):
        """The deadline in seconds of the loop's clock, or None."""
        return self._when

    def reschedule(self, when):
        """Move the deadline; None is none. Raises RuntimeError outside of the block, and once it has passed."""
        if self._state is not _State.ENTERED:
            if self._state is _State.CREATED:
                raise RuntimeError("Timeout has not been entered: call reschedule() within its `async with` block")
            raise RuntimeError(f"Cannot change state of {self._state.value} Timeout: make a new one")
        self._delay = None
        self._schedule(when)

    def expired(self):
        """Whether the deadline passed while the block ran."""
        return self._state in (_State.EXPIRING, _State.EXPIRED)

    async def __aenter__(self):
        if self._state is not _State.CREATED:
            raise RuntimeError("Timeout has already been entered: make a new one for each block")
        task = current_task()
        if task is None:
            raise RuntimeError("Timeout should be used inside a task: start it by asyncio.run() or create_task()")
        self._state = _State.ENTERED
        self._task = task
        self._cancelling = task.cancelling()
        if self._when is not None:
            self._schedule(self._when)
        return self

    def __aexit__(self, exc_type, exc_val, exc_tb):
        if self._timeout_handler is not None:
            self._timeout_handler.cancel()
            self._timeout_handler = None
        if self._state is not _State.EXPIRING:
            self._state = _State.EXITED
            return PASSED  # no coroutine where nothing happened
        return self._expire(exc_val)

    async def _expire(self, exc_val):
        """The deadline passed while the block ran: make a TimeoutError of the CancelledError."""
        self._state = _State.EXPIRED
        # Where others have asked for cancellation too, it is not ours to turn into something else.
        if self._task.uncancel() <= self._cancelling and exc_val is not None:
            if isinstance(exc_val, CancelledError):
                raise self._error() from exc_val
            self._tell_in_context(exc_val)
            if isinstance(exc_val, ExceptionGroup):
                for member in exc_val.exceptions:
                    self._tell_in_context(member)

    def _schedule(self, when):
        self._when = when
        if self._timeout_handler is not None:
            self._timeout_handler.cancel()
            self._timeout_handler = None
        if when is not None:
            loop = get_running_loop()
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
        self._state = _State.EXPIRING
        self._task.cancel()

    def _error(self):
        if self._delay is None:
            return TimeoutError("timed out: the deadline of the timeout has passed")
        return TimeoutError(f"timed out after {self._delay} seconds")

    def _tell_in_context(self, exc):
        """The block made another exception of the CancelledError: say in its context that this was the timeout."""
        while exc.__context__ is not None:
            if isinstance(exc.__context__, CancelledError):
                error = self._error()
                error.__context__ = error.__cause__ = exc.__context__
                exc.__context__ = error
                return
            exc = exc.__context__


def timeout(delay):
    """A `Timeout` that expires `delay` seconds from now; None is no timeout."""
    if delay is None:
        return Timeout(None)
    made = Timeout(get_running_loop().time() + delay)
    made._delay = delay
    return made


def timeout_at(when):
    """A `Timeout` that expires at `when`, in seconds of the loop's clock; None is no timeout."""
    return Timeout(when)
