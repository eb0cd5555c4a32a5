"""Handle: a callback on its way through the ready queue."""

import asyncio

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._core import describe
from tulipa._core.ready import Link, LoopState

if not cython.compiled:  # compiled, the .pxd declares them
    from tulipa._core.contexts import held_context, own_context
    from tulipa._core.memory import as_model
    from tulipa._core.native import set_signature


class Handle(Link):
    """What `call_soon` and `call_soon_threadsafe` return: a callback with its arguments and context."""

    def __init__(self, callback, args, loop, context=None):
        self._callback = callback
        self._args = tuple(args)
        self._loop = loop
        self._held = held_context() if context is None else context
        self._cancelled = False
        self._place = 0
        self._told = (describe.creation_stack(), None) if loop.get_debug() else None

    @property
    def __class__(self):
        # asyncio.Handle has slots of its own, so no compiled class can derive from it: say so to isinstance.
        return asyncio.Handle if type(self) is Handle else type(self)

    @property
    def _source_traceback(self):
        return None if self._told is None else self._told[0]

    def _what(self):
        """What it would have called, where it was cancelled in debug mode."""
        return None if self._told is None else self._told[1]

    def cancel(self):
        """Do not call the callback any more; without effect if it was called already."""
        self._cancel()

    def _cancel(self):
        if self._cancelled:
            return 0
        loop = self._loop
        if cython.cast(LoopState, loop)._debug if isinstance(loop, LoopState) else loop.get_debug():
            self._told = (self._source_traceback, describe.callback(self._callback, self._args, True))
        return self._drop()

    def _drop(self):
        self._cancelled = True
        self._callback = None
        self._args = None
        return 0

    def cancelled(self):
        """Whether `cancel` was called."""
        return self._cancelled

    def get_context(self):
        """The contextvars.Context that the callback runs in."""
        self._held = own_context(self._held)
        return self._held

    @property
    def _context(self):
        return self.get_context()

    def __repr__(self):
        words = [type(self).__name__, *self._details()]
        if self._callback is not None:
            words.append(describe.callback(self._callback, self._args, self._loop.get_debug()))
        elif self._what() is not None:
            words.append(self._what())
        return describe.with_origin(words, self._source_traceback)

    def _details(self):
        return ["cancelled"] if self._cancelled else []

    def _run(self):
        """Call the callback now, as the loop would."""
        try:
            self._fire()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self._fire_failed(exc)

    def _fire(self):
        if self._cancelled:
            return 0
        if not cython.compiled:
            self._held.run(self._callback, *self._args)
            return 0
        share = context = cython.NULL
        enter(slot_of(self), cython.address(share), cython.address(context))
        try:
            call(self._callback, self._args)
        finally:
            leave(slot_of(self), share, context)
        return 0

    def _fire_failed(self, exc):
        if self._cancelled:
            what = self._what() or "that cancelled its own handle"
        else:
            what = describe.callback(self._callback, self._args, self._loop.get_debug())
        context = {"message": f"Exception in callback {what}", "exception": exc, "handle": self}
        if self._source_traceback:
            context["source_traceback"] = self._source_traceback
        self._loop.call_exception_handler(context)


set_signature(Handle, "(callback, args, loop, context=None)")


def new_handle(callback, args, loop, context):
    """A Handle without the detour through `__init__`, for the loop's own calls outside of debug mode."""
    if cython.compiled:
        handle = cython.cast(Handle, copy_of(_model))
    else:
        handle = Handle.__new__(Handle)
        handle._next = None
        handle._cancelled = False
        handle._told = None
    handle._callback = callback
    handle._args = args
    handle._loop = loop
    handle._held = held_context() if context is None else context
    return handle


_model = as_model(Handle.__new__(Handle))
if cython.compiled:
    # As many as another thread posts while the loop waits for the GIL.
    keep_spares(Handle, 65536, collector_room(_model))
    free_flatly(_model)


def tidy_up():
    """The loop has nothing to do: give back half of the memory that a burst of handles has left."""
    if cython.compiled:
        give_back_spares(1024)  # as many as a busy turn has
    return 0
