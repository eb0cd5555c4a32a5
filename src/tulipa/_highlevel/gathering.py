"""gather and shield, as asyncio's of Python 3.15."""

import asyncio
from asyncio import current_task

from tulipa._core.countdown import Countdown, as_children
from tulipa._core.futures import Future
from tulipa._highlevel.wrapping import ensure_future, loop_of
from tulipa.policy import get_event_loop


def gather(*coros_or_futures, return_exceptions=False):
    """Run awaitables concurrently; gives a future of the list of their results, in the order given.

    The first exception is the outcome, the others go on; with `return_exceptions` exceptions stand among the
    results. To cancel the future cancels all that are not done. Raises ValueError for futures of different loops.
    """
    if not coros_or_futures:
        outer = get_event_loop().create_future()
        outer.set_result([])
        return outer
    children, different, loop = as_children(coros_or_futures, ensure_future, loop_of)
    outer = _GatheringFuture(children, loop)
    Countdown(outer, children, len(different), return_exceptions).watch(different)
    return outer


class _GatheringFuture(Future):
    """What `gather` gives: to cancel it cancels what it gathers, and it is done when those are."""

    def __init__(self, children, loop):
        Future.__init__(self, loop=loop)
        self._children = children
        self._cancel_requested = False

    @property  # type: ignore[misc]  # it can't be set
    def __class__(self):
        return asyncio.Future  # see Future's

    def cancel(self, msg=None):
        """Cancel all that are not done; False where there is none."""
        if self.done():
            return False
        # A list: each of them is to be cancelled, whatever the others say.
        if any([child.cancel(msg=msg) for child in self._children]):
            # Whatever becomes of their cancellation, this one ends by CancelledError.
            self._cancel_requested = True
            return True
        return False


def shield(arg):
    """Wait for an awaitable without cancelling it: to cancel the future that this gives leaves it alone.

    Keep a reference to the task yourself where it is the standard library's. An exception of it that comes when
    nobody waits any more is reported to the loop's exception handler.
    """
    inner = ensure_future(arg)
    if inner.done():
        return inner
    return _Shield(inner).outer


class _Shield:
    """Between the future that is shielded and the one that is given for it."""

    def __init__(self, inner):
        loop = loop_of(inner)
        self._awaiter = current_task(loop)
        self._inner = inner
        self.outer = loop.create_future()
        inner.add_done_callback(self._on_inner_done)
        self.outer.add_done_callback(self._on_outer_done)

    def _on_inner_done(self, inner):
        outer = self.outer
        if outer.cancelled():
            return
        if inner.cancelled():
            outer.cancel()
        elif inner.exception() is not None:
            outer.set_exception(inner.exception())
        else:
            outer.set_result(inner.result())

    def _on_outer_done(self, outer):
        inner = self._inner
        if not inner.done():
            inner.remove_done_callback(self._on_inner_done)
            inner.remove_done_callback(_report)  # once, however often it is shielded
            inner.add_done_callback(_report)


def _report(future):
    """Tell of an exception that nobody waits for any more."""
    if future.cancelled() or future.exception() is None:
        return
    error = future.exception()
    context = {
        "message": f"{type(error).__name__} exception in shielded future",
        "exception": error,
        "future": future,
    }
    if getattr(future, "_source_traceback", None):
        context["source_traceback"] = future._source_traceback
    loop_of(future).call_exception_handler(context)
