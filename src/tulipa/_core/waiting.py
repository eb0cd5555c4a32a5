"""What of `sleep` and of Timeout has to wait: ordinary coroutines, so that stacks and `await` chains show them."""

import asyncio


async def sleep_until_timer(delay, result):
    """Sleep for `delay` seconds, then give `result`."""
    if delay != delay:
        raise ValueError("Invalid delay: NaN (not a number)")
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    timer = loop.call_later(delay, _end, future)
    try:
        await future
    finally:
        timer.cancel()
    return result


def _end(future):
    if not future.done():
        future.set_result(None)


async def expire(timeout, exc_val):
    """The deadline passed while the block ran: make a TimeoutError of the CancelledError."""
    # Where others have asked for cancellation too, it is not ours to turn into something else.
    if timeout._task.uncancel() <= timeout._cancelling and exc_val is not None:
        if isinstance(exc_val, asyncio.CancelledError):
            raise _error_of(timeout) from exc_val
        _tell_in_context(timeout, exc_val)
        if isinstance(exc_val, ExceptionGroup):
            for member in exc_val.exceptions:
                _tell_in_context(timeout, member)


def _error_of(timeout):
    if timeout._delay is None:
        return TimeoutError("timed out: the deadline of the timeout has passed")
    return TimeoutError(f"timed out after {timeout._delay} seconds")


def _tell_in_context(timeout, exc):
    """The block made another exception of the CancelledError: say in its context that this was the timeout."""
    while exc.__context__ is not None:
        if isinstance(exc.__context__, asyncio.CancelledError):
            error = _error_of(timeout)
            error.__context__ = error.__cause__ = exc.__context__
            exc.__context__ = error
            return
        exc = exc.__context__
