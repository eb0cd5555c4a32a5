"""Futures made of other things: of coroutines, of awaitables, of concurrent.futures' futures."""

import concurrent.futures
import inspect
from asyncio import CancelledError, InvalidStateError, iscoroutine, isfuture
from types import CoroutineType

from tulipa.policy import get_event_loop


def ensure_future(coro_or_future, *, loop=None):
    """The future given, or a new task of `loop` that runs the coroutine or awaitable.

    Raises ValueError for a future of another loop than `loop`, TypeError for what can't be awaited, and
    RuntimeError where no loop is given and none runs.
    """
    if type(coro_or_future) is not CoroutineType and isfuture(coro_or_future):
        if loop is not None and loop is not loop_of(coro_or_future):
            raise ValueError(
                "The future belongs to a different loop than the one specified as the loop argument: "
                f"{coro_or_future!r}; await it in its own loop"
            )
        return coro_or_future
    coro = coro_or_future
    if type(coro) is not CoroutineType and not iscoroutine(coro):
        if not inspect.isawaitable(coro):
            raise TypeError(
                f"An asyncio.Future, a coroutine or an awaitable is required, got {coro!r}{hint_for(coro)}"
            )
        coro = wait_for_awaitable(coro)
    try:
        return (get_event_loop() if loop is None else loop).create_task(coro)
    except RuntimeError:
        coro.close()
        raise


async def wait_for_awaitable(awaitable):
    """A coroutine around what is only awaitable."""
    return await awaitable


def hint_for(thing):
    """The end of a message that a coroutine was expected and `thing` was given."""
    return f"; call it: {thing.__name__}()" if inspect.iscoroutinefunction(thing) else ""


def loop_of(future):
    """The loop of a future, of the standard library's kind before Python 3.7 as well."""
    get_loop = getattr(future, "get_loop", None)
    return future._loop if get_loop is None else get_loop()


def wrap_future(future, *, loop=None):
    """A future of `loop` (None: the current one) that ends as `future`, one of concurrent.futures, does.

    To cancel it cancels that one too. What is an asyncio future already is given back. Raises TypeError.
    """
    if isfuture(future):
        return future
    if not isinstance(future, concurrent.futures.Future):
        raise TypeError(f"a concurrent.futures.Future is expected, got {future!r}")
    wrapped = (get_event_loop() if loop is None else loop).create_future()
    chain(future, wrapped)
    return wrapped


def chain(source, destination):
    """Have `destination` end as `source` does, and cancelled `source` when it is cancelled itself.

    Each is a future of asyncio's, or of concurrent.futures'.
    """
    source_loop = _checked_loop(source)
    destination_loop = _checked_loop(destination)

    def cancel_source(destination):
        if destination.cancelled():
            if source_loop is None or source_loop is destination_loop:
                source.cancel()
            elif not source_loop.is_closed():
                source_loop.call_soon_threadsafe(source.cancel)

    def pass_on(source):
        if destination_loop is None or destination_loop is source_loop:
            _copy_outcome(source, destination)
        elif not destination_loop.is_closed():
            destination_loop.call_soon_threadsafe(_copy_outcome, source, destination)

    destination.add_done_callback(cancel_source)
    source.add_done_callback(pass_on)


def _checked_loop(future):
    if isfuture(future):
        return loop_of(future)
    if not isinstance(future, concurrent.futures.Future):
        raise TypeError(f"A future is required, of asyncio or of concurrent.futures, got {future!r}")
    return None


def _copy_outcome(source, destination):
    if not isfuture(destination):
        if source.cancelled():
            destination.cancel()
        if not destination.set_running_or_notify_cancel():
            return
    elif destination.cancelled():
        return
    elif source.cancelled():
        destination.cancel()
        return
    error = source.exception()
    if error is None:
        destination.set_result(source.result())
    else:
        destination.set_exception(_as_asyncio(error))


def _as_asyncio(error):
    """concurrent.futures has an InvalidStateError and, on some Pythons, a CancelledError of its own."""
    if type(error) is concurrent.futures.CancelledError:
        return CancelledError(*error.args).with_traceback(error.__traceback__)
    if type(error) is concurrent.futures.InvalidStateError:
        return InvalidStateError(*error.args).with_traceback(error.__traceback__)
    return error
