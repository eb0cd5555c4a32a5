"""Future (PEP 3156, "Futures"), and the iterator behind ``await future``."""

import asyncio
from asyncio import CancelledError, InvalidStateError
from types import GenericAlias

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._core import describe, resuming
from tulipa._core.ready import Link, LoopState

if not cython.compiled:  # compiled, the .pxd declares them
    from tulipa._core.contexts import held_context, own_context
    from tulipa._core.handles import new_handle
    from tulipa._core.memory import as_model
    from tulipa._core.native import set_signature
    from tulipa._core.resuming import set_send
    from tulipa._core.world import current_loop


class Future(Link):
    """A result that will be there later. Not thread-safe; belongs to one loop.

    As asyncio.Future of Python 3.15. Its callbacks are links: a waiting task stands there by itself.
    """

    def __init__(self, *, loop=None):
        if loop is None:
            loop = current_loop()
        self._prepare(loop)
        if loop.get_debug():
            self._source_traceback = describe.creation_stack()

    def _prepare(self, loop):
        """Set every field but the link's: a new, pending future of `loop`."""
        self._loop = loop
        self._state_of_loop = cython.cast(LoopState, loop) if isinstance(loop, LoopState) else None
        if self._state_of_loop is not None and self._state_of_loop._call_soon_replaced:
            self._state_of_loop = None
        self._done = False
        self._cancelled = False
        self._result = None
        self._exception = None
        self._traceback = None
        self._cancel_message = None
        self._cancelled_exc = None
        self._first = None
        self._more = None
        self._log_tb = False
        self._asyncio_future_blocking = False
        self._source_traceback = None

    __class_getitem__ = classmethod(GenericAlias)

    @property
    def __class__(self):
        # No compiled class can derive from asyncio.Future, so an exact Future says to isinstance that it is one.
        return asyncio.Future if type(self) is Future else type(self)

    def __repr__(self):
        return describe.future(self)

    def __del__(self):
        if self._log_tb:
            self._tell_of_exception()

    def _tell_of_exception(self):
        """Nobody has looked at the exception."""
        context = {
            "message": f"{type(self).__name__} exception was never retrieved",
            "exception": self._exception,
            "future": self,
        }
        if self._source_traceback:
            context["source_traceback"] = self._source_traceback
        self._loop.call_exception_handler(context)

    # -- state ----------------------------------------------------------------------------------------------

    @property
    def _state(self):
        if not self._done:
            return "PENDING"
        return "CANCELLED" if self._cancelled else "FINISHED"

    @property
    def _log_traceback(self):
        return self._log_tb

    @_log_traceback.setter
    def _log_traceback(self, value):
        if value:
            raise ValueError("_log_traceback can only be set to False")
        self._log_tb = False

    @property
    def _callbacks(self):
        """The callbacks as asyncio lists them, [(function, context)]; None where there is none."""
        return [(entry._wakeup, entry.get_context()) for entry in self._entries()] or None

    def get_loop(self):
        """The loop that this future belongs to."""
        self._check_made()
        return self._loop

    def done(self):
        """Whether there is a result, an exception or a cancellation."""
        return self._done

    def cancelled(self):
        """Whether it was cancelled."""
        return self._cancelled

    def result(self):
        """The result; raises the exception that was set, CancelledError, or InvalidStateError while pending."""
        return self._take_result()

    def exception(self):
        """The exception, None for a result; raises CancelledError, or InvalidStateError while pending."""
        if self._cancelled:
            raise self._make_cancelled_error()
        if not self._done:
            raise InvalidStateError("Exception is not set yet: await the future, or ask done() before.")
        self._log_tb = False
        return self._exception

    def _take_result(self):
        if self._cancelled:
            raise self._make_cancelled_error()
        if not self._done:
            raise InvalidStateError("Result is not ready yet: await the future, or ask done() before.")
        if self._exception is not None:
            self._log_tb = False
            raise self._exception.with_traceback(self._traceback)
        return self._result

    def _failure(self):
        """What a task waiting for this done future is to be woken with: an exception, or None."""
        if self._cancelled:
            return self._make_cancelled_error()
        self._log_tb = False
        # Several tasks may wait: none is to see the frames of the others.
        return None if self._exception is None else self._exception.with_traceback(self._traceback)

    def _is_plain(self):
        """Whether no subclass may have another `result`."""
        return type(self) is Future

    def _make_cancelled_error(self):
        """The CancelledError to raise: the one that ended the task, where there was one, but once only."""
        error = self._cancelled_exc
        if error is not None:
            self._cancelled_exc = None
            return error
        return CancelledError() if self._cancel_message is None else CancelledError(self._cancel_message)

    # -- completion -----------------------------------------------------------------------------------------

    def cancel(self, msg=None):
        """Cancel and schedule the callbacks; False where it was done already."""
        self._check_made()
        self._log_tb = False
        return self._cancel(msg)

    def set_result(self, result):
        """Make it done with `result`; InvalidStateError where it was done already."""
        self._check_made()
        self._finish(result)

    def set_exception(self, exception):
        """Make it done with `exception` (an instance or a class); InvalidStateError where it was done already."""
        self._check_made()
        self._check_pending()
        self._fail(_checked_exception(exception))

    def _check_made(self):
        if self._loop is None:
            raise RuntimeError(
                "Future object is not initialized. A subclass with its own __init__ has to call super().__init__()"
            )

    def _check_pending(self):
        if self._done:
            raise InvalidStateError(f"{self._state}: {self!r} is done already; check done() before setting it")

    def _cancel(self, msg):
        if self._done:
            return False
        self._done = True
        self._cancelled = True
        self._cancel_message = msg
        self._schedule_callbacks()
        return True

    def _finish(self, result):
        if self._done:
            self._check_pending()
        self._done = True
        self._result = result
        if self._first is not None:
            self._schedule_callbacks()

    def _renew(self):
        """Make a future that has its result, and nobody else refers to, as good as new; False where it can't be.

        In the same loop, which is one of ours.
        """
        if not self._done or self._cancelled or self._exception is not None or not is_bare(self):
            return False
        self._done = False
        self._result = None
        self._asyncio_future_blocking = False
        self._live_in(cython.cast(LoopState, self._loop))
        return True

    def _live_in(self, loop):
        """Be in `loop`, one of ours. Its queue is used straight, unless its `call_soon` is replaced by now."""
        self._loop = loop
        self._state_of_loop = None if loop._call_soon_replaced else loop
        return 0

    def _fail(self, exception):
        self._done = True
        self._exception = exception
        self._traceback = exception.__traceback__
        self._log_tb = True
        self._schedule_callbacks()

    # -- callbacks ------------------------------------------------------------------------------------------

    def add_done_callback(self, fn, /, *, context=None):
        """Have ``fn(future)`` called soon after it is done, in `context` (a copy of the current one)."""
        self._check_made()
        if self._done:
            self._loop.call_soon(fn, self, context=context)
        else:
            self._add_entry(_new_callback(fn, held_context() if context is None else context))

    def remove_done_callback(self, fn, /):
        """Remove every callback equal to `fn`; gives how many there were."""
        self._check_made()
        # Comparing may run code that adds and removes callbacks too: each is looked up anew.
        removed = [entry for entry in self._entries() if _is_same(entry._wakeup, fn)]
        return sum([self._take_out(entry) for entry in removed])

    # Making a list may have the collector run code of the program's that uses this future too (up to Python 3.11, and
    # later where this is interpreted). So lists are made first, and then nothing comes in between.

    def _entries(self):
        entries = []
        if self._first is not None:
            entries.append(self._first)
            if self._more is not None:
                entries.extend(self._more)
        return entries

    def _add_entry(self, entry):
        """Add a link, which joins the queue when this is done: at once where that is since the caller looked."""
        more = [entry] if self._first is not None and self._more is None else None
        if self._done:
            self._schedule(entry)
        elif self._first is None:
            self._first = entry
        elif self._more is None:
            self._more = more
        else:
            self._more.append(entry)

    def _take_out(self, entry):
        """Take a link out; gives how many there were, 1 or 0."""
        more = self._more
        if self._first is entry:
            self._first = more.pop(0) if more else None
            return 1
        for index in range(0 if more is None else len(more)):
            if more[index] is entry:
                del more[index]
                return 1
        return 0

    def _schedule_callbacks(self):
        first = self._first
        if first is None:
            return 0
        more = self._more
        self._first = None
        self._more = None
        self._schedule(first)
        if more is not None:
            for entry in more:
                self._schedule(entry)

    def _schedule(self, entry):
        state = self._state_of_loop
        if isinstance(entry, DoneCallback):
            callback = cython.cast(DoneCallback, entry)
            if state is None or state._debug:
                self._loop.call_soon(callback._wakeup, self, context=callback.get_context())
                return 0
            callback._future = self
        if state._closed:
            state._check_closed()
        state._ready.push(entry)

    # -- awaiting -------------------------------------------------------------------------------------------

    def __await__(self):
        return _iterate(self)

    def __iter__(self):
        return _iterate(self)


set_signature(Future, "(*, loop=None)")


class DoneCallback(Link):
    """A function among a future's callbacks, and in the queue once that is done, in place of a Handle."""

    def __init__(self, function, held):
        self._next = None
        self._wakeup = function
        self._held = held
        self._future = None  # once it is done; until then they would keep each other alive

    def get_context(self):
        """The context in which the function is called."""
        self._held = own_context(self._held)
        return self._held

    def _fire(self):
        if not cython.compiled:
            self._held.run(self._wakeup, self._future)
            return 0
        share = context = cython.NULL
        enter(slot_of(self), cython.address(share), cython.address(context))
        try:
            self._wakeup(self._future)
        finally:
            leave(slot_of(self), share, context)
        return 0

    def _fire_failed(self, exc):
        # Who is told of it gets the handle that it would have been.
        new_handle(self._wakeup, (self._future,), self._future._loop, self.get_context())._fire_failed(exc)
        return 0


def _is_same(callback, fn):
    # As containers compare: what says that it differs from everything is still the same as itself.
    return callback is fn or callback == fn


def _new_callback(function, held):
    if not cython.compiled:
        return DoneCallback(function, held)
    callback = cython.cast(DoneCallback, copy_of(_model_callback))
    callback._wakeup = function
    callback._held = held
    return callback


_model_callback = as_model(DoneCallback.__new__(DoneCallback))
if cython.compiled:
    keep_spares(DoneCallback, 1024, collector_room(_model_callback))  # as many as a busy turn has


@cython.freelist(128)
@cython.cclass
class FutureIter:
    """What ``await future`` iterates over: yields the future once, then ends with its result."""

    def __init__(self, future):
        self._future = future
        self._yielded = False

    def __iter__(self):
        return self

    def __next__(self):
        if self._must_wait():
            return self._future
        raise StopIteration(self._end())

    def close(self):
        """Stop waiting."""
        self._future = None

    send = resuming.send
    throw = resuming.throw

    def _must_wait(self):
        future = self._future
        if future is None or future._done:
            return False
        if self._yielded:
            raise RuntimeError("await wasn't used with future")
        self._yielded = True
        future._asyncio_future_blocking = True
        return True

    def _end(self):
        future = self._future
        self._future = None
        if future is None:
            return None
        return future._take_result() if future._is_plain() else future.result()


def _send(iterator, value, out):
    """FutureIter's `am_send`."""
    waiting = cython.cast(FutureIter, iterator)
    if waiting._must_wait():
        out[0] = new_reference(waiting._future)
        return PYGEN_NEXT
    out[0] = new_reference(waiting._end())
    return PYGEN_RETURN


if cython.compiled:
    set_send(FutureIter, _send)
else:
    # What compiled fields read as where `__init__` was not called; and isfuture() looks for the last one in the class.
    Future._loop = Future._exception = Future._first = Future._more = Future._cancelled_exc = None
    Future._done = Future._cancelled = Future._log_tb = Future._asyncio_future_blocking = False


def _iterate(future):
    iterator = FutureIter.__new__(FutureIter)
    iterator._future = future
    iterator._yielded = False
    return iterator


def new_future(loop):
    """A pending Future of `loop` without the detour through `__init__`, outside of debug mode."""
    if cython.compiled:
        future = cython.cast(Future, copy_of(_model))
        future._live_in(loop)
    else:
        future = Future.__new__(Future)
        future._prepare(loop)
    return future


_model = as_model(Future.__new__(Future))
if cython.compiled:
    free_flatly(_model)


def _checked_exception(exception):
    if isinstance(exception, type):
        exception = exception()
    if not isinstance(exception, BaseException):
        raise TypeError(f"an exception is expected, got {exception!r}; to set a result call set_result()")
    if isinstance(exception, StopIteration):
        error = RuntimeError("StopIteration interacts badly with generators and cannot be raised into a Future")
        error.__cause__ = exception
        error.__context__ = exception
        return error
    return exception
