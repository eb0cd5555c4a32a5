"""Timers: a heap in which every timer knows its own place, so that a cancelled one leaves at once."""

import asyncio

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._core.handles import Handle

if not cython.compiled:  # compiled, the .pxd declares them
    from tulipa._core.native import as_model, current_context, set_signature


class TimerHandle(Handle):
    """What `call_later` and `call_at` return. `when` is in seconds of the loop's clock."""

    def __init__(self, when, callback, args, loop, context=None):
        Handle.__init__(self, callback, args, loop, context)
        self._when = when
        self._heap = None
        self._place = 0
        self._serial = 0

    @property
    def __class__(self):
        return asyncio.TimerHandle if type(self) is TimerHandle else type(self)

    @property
    def _scheduled(self):
        return self._heap is not None

    def when(self):
        """The time of the call, in seconds of the loop's clock."""
        return self._when

    def cancel(self):
        """Do not call the callback any more; the timer leaves the loop at once."""
        if self._heap is not None:
            self._heap.remove(self)
        self._cancel()

    def _details(self):
        return [*Handle._details(self), f"when={int(self._when) if self._when.is_integer() else self._when}"]

    def __hash__(self):
        return hash(self._when)

    def __eq__(self, other):
        if not isinstance(other, TimerHandle):
            return NotImplemented
        return self is other or (self._when == other._when and self._callback == other._callback
                                 and self._args == other._args and self._cancelled == other._cancelled)

    def __lt__(self, other):
        return self._when < other._when if isinstance(other, TimerHandle) else NotImplemented

    def __le__(self, other):
        if not isinstance(other, TimerHandle):
            return NotImplemented
        return self._when < other._when or self == other

    def __gt__(self, other):
        return self._when > other._when if isinstance(other, TimerHandle) else NotImplemented

    def __ge__(self, other):
        if not isinstance(other, TimerHandle):
            return NotImplemented
        return self._when > other._when or self == other


set_signature(TimerHandle, "(when, callback, args, loop, context=None)")


class TimerHeap:
    """A binary heap by (when, order of arrival): timers of the same moment fire first in, first out."""

    def __init__(self):
        self._items = []
        self._arrivals = 0

    def count(self):
        """How many timers are pending."""
        return len(self._items)

    def first_when(self):
        """When the earliest timer is due; there must be one."""
        return cython.cast(TimerHandle, self._items[0])._when

    def push(self, timer):
        """Add `timer`, which stands in no heap."""
        self._arrivals += 1
        timer._serial = self._arrivals
        timer._heap = self
        self._items.append(timer)
        self._rise(timer, len(self._items) - 1)

    def pop_due(self, now):
        """Take the earliest timer if it is due at `now`; else None."""
        if not self._items:
            return None
        timer = cython.cast(TimerHandle, self._items[0])
        if timer._when > now:
            return None
        self.remove(timer)
        return timer

    def remove(self, timer):
        """Take `timer` out, wherever it stands."""
        timer._heap = None
        place = timer._place
        last = cython.cast(TimerHandle, self._items.pop())
        if last is timer:
            return 0
        if place > 0 and _before(last, cython.cast(TimerHandle, self._items[(place - 1) // 2])):
            self._rise(last, place)
        else:
            self._sink(last, place)

    def clear(self):
        """Forget every timer."""
        for timer in self._items:
            cython.cast(TimerHandle, timer)._heap = None
        self._items = []

    def _rise(self, timer, place):
        items = self._items
        while place > 0:
            above = (place - 1) // 2
            parent = cython.cast(TimerHandle, items[above])
            if not _before(timer, parent):
                break
            items[place] = parent
            parent._place = place
            place = above
        items[place] = timer
        timer._place = place

    def _sink(self, timer, place):
        items = self._items
        size = len(items)
        below = 2 * place + 1
        while below < size:
            child = cython.cast(TimerHandle, items[below])
            if below + 1 < size:
                other = cython.cast(TimerHandle, items[below + 1])
                if _before(other, child):
                    child = other
                    below += 1
            if not _before(child, timer):
                break
            items[place] = child
            child._place = place
            place = below
            below = 2 * place + 1
        items[place] = timer
        timer._place = place


def _before(a, b):
    return a._when < b._when or (a._when == b._when and a._serial < b._serial)


def new_timer(when, callback, args, loop, context):
    """A TimerHandle without the detour through `__init__`, for the loop's own calls outside of debug mode."""
    if cython.compiled:
        timer = cython.cast(TimerHandle, copy_of(_model))
    else:
        timer = TimerHandle.__new__(TimerHandle)
        timer._next = None
        timer._cancelled = False
        timer._what = None
        timer._source_traceback = None
        timer._heap = None
        timer._place = 0
        timer._serial = 0
    timer._callback = callback
    timer._args = args
    timer._loop = loop
    timer._context = current_context() if context is None else context
    timer._when = when
    return timer


_model = as_model(TimerHandle.__new__(TimerHandle))
