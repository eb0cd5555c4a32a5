"""Timeout, timeout and timeout_at, as asyncio's of Python 3.15."""

from asyncio import CancelledError, get_running_loop
from typing import final

from tulipa._core.deadline import Deadline


@final
class Timeout(Deadline):
    """An asynchronous context manager that cancels its block at `when`, in seconds of the loop's clock.

    Outside of the block the CancelledError is a TimeoutError. None is no timeout. Made by `timeout`, `timeout_at`.
    """

    async def __aenter__(self):
        self._enter()
        return self

    async def _expire(self, exc_val):
        """The deadline passed while the block ran: make a TimeoutError of the CancelledError."""
        # Where others have asked for cancellation too, it is not ours to turn into something else.
        if self._task.uncancel() <= self._cancelling and exc_val is not None:
            if isinstance(exc_val, CancelledError):
                raise self._error() from exc_val
            self._tell_in_context(exc_val)
            if isinstance(exc_val, ExceptionGroup):
                for member in exc_val.exceptions:
                    self._tell_in_context(member)

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
