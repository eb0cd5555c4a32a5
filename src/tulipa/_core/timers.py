"""Timers, each of which knows its own place among the pending ones, so that none is looked for to cancel it."""

import asyncio
from math import inf

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._core.handles import Handle
from tulipa._core.native import own_methods
from tulipa._core.ready import LoopState

if not cython.compiled:  # compiled, the .pxd declares them
    from collections import namedtuple
    from operator import lt as before

    from tulipa._core.contexts import held_context
    from tulipa._core.memory import as_model
    from tulipa._core.native import set_signature

    make_key = namedtuple("Key", "when arrival")

_NEAR = 1.0  # seconds
_SPARE = 64  # places without a pending timer that do not matter
_FEW = 1024  # far timers that may be looked at for nothing


class TimerHandle(Handle):
    """What `call_later` and `call_at` return. `when` is in seconds of the loop's clock."""

    def __init__(self, when, callback, args, loop, context=None):
        if self._place != 0:
            self._leave()
        Handle.__init__(self, callback, args, loop, context)
        self._when = when

    @property
    def __class__(self):
        return asyncio.TimerHandle if type(self) is TimerHandle else type(self)

    @property
    def _scheduled(self):
        return self._place != 0

    def when(self):
        """The time of the call, in seconds of the loop's clock."""
        return self._when

    def _cancel(self):
        if self._place != 0:
            self._leave()
            if not cython.cast(LoopState, self._loop)._debug:
                return Handle._drop(self)
        return Handle._cancel(self)

    def _leave(self):
        cython.cast(TimerHeap, cython.cast(LoopState, self._loop)._timers).remove(self)
        return 0

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


if not cython.compiled:
    TimerHandle._place = 0  # see Link's _next

own_methods(TimerHandle)
set_signature(TimerHandle, "(when, callback, args, loop, context=None)")


class TimerHeap:
    """The pending timers, by (when, order of arrival): those of the same moment fire first in, first out.

    Most are cancelled long before they are due. So a timer that is not due within the next second waits in `_far`, a
    list in the order of arrival, of which no order by time is asked. A cancelled one stays there, but for the last one,
    which is always a pending one: they leave together, in the order of their memory, when they are more than half. That
    is cheaper than to look for the place of each. About once a second, what has come near moves on to the heap.
    Whatever is in the heap is due before `_border`, all that is far at it or later. Where that would mean to look at
    many in vain, as on a clock that jumps, the next border is farther away.

    The heap has four branches. `_keys[i]` is what `_near[i]` is ordered by, so that comparing looks at no timer.
    A timer's `_place` is the number of its place, from 1 on in the heap, from -1 on down in the list; 0 is none. So one
    in the list with another `_place` is not pending.
    """

    def __init__(self):
        self._near = []
        self._near_count = 0
        if not cython.compiled:
            self._keys = []
        self._arrivals = 0
        self._far = []
        self._far_count = 0
        self._far_end = 0
        self._far_added = 0
        self._span = _NEAR
        self._border = self._earliest_far = -inf

    def __dealloc__(self):
        free_keys(self._keys)

    def count(self):
        """How many timers are pending."""
        return self._near_count + self._far_count

    def first_when(self):
        """When to look for a timer that is due; there must be one, and it is not due earlier."""
        return self._keys[0].when if self._near_count > 0 else self._earliest_far

    def push(self, timer):
        """Add `timer`, which stands in no heap."""
        if timer._when < self._border:
            self._push_near(timer)
            return 0
        if self._far_end < len(self._far):
            self._far[self._far_end] = timer
        else:
            self._far.append(timer)
        self._far_end += 1
        self._far_added += 1
        timer._place = -self._far_end
        if self._far_count == 0 or timer._when < self._earliest_far:
            self._earliest_far = timer._when
        self._far_count += 1

    def pop_due(self, now):
        """Take the earliest timer if it is due at `now`; else None."""
        if self._far_count > 0 and now >= self._border:
            self._move_on(now)
        if self._near_count == 0 or self._keys[0].when > now:
            return None
        timer = cython.cast(TimerHandle, self._near[0])
        self.remove(timer)
        return timer

    def remove(self, timer):
        """Take `timer` out, wherever it stands."""
        place = timer._place
        timer._place = 0
        if place > 0:
            self._remove_near(place - 1)
            return 0
        self._far_count -= 1
        if place == -self._far_end:
            self._drop_last()
        if len(self._far) > 2 * self._far_count + _SPARE:
            self._review_far(self._border)

    def clear(self):
        """Forget every timer."""
        gone = self._near[: self._near_count] + self._far[: self._far_end]  # freed when all is in order again
        for timer in gone:
            cython.cast(TimerHandle, timer)._place = 0
        self._near_count = self._far_count = self._far_end = 0
        self._resize(0)
        self._far = []

    def _move_on(self, now):
        """Review what is far, and choose how far to look the next time: looking has to be paid for by changes."""
        looked_at = self._far_end
        self._review_far(now + self._span)
        changes = self._far_added + looked_at - self._far_end
        self._span = 2 * self._span if 8 * changes + _FEW < looked_at else _NEAR
        self._far_added = 0

    def _drop_last(self):
        """Let go of those at the end of the list that are not pending."""
        while self._far_end > 0:
            if cython.cast(TimerHandle, self._far[self._far_end - 1])._place == -self._far_end:
                break
            self._far_end -= 1
            self._far[self._far_end] = None

    def _review_far(self, border):
        """Move on what is due before `border`, and let go of what is not pending."""
        gone = []  # freed when all is in order again: that may run code of the program's
        far = self._far
        end = 0
        earliest = inf
        for i in range(self._far_end):
            timer = cython.cast(TimerHandle, far[i])
            if timer._place != -1 - i:
                gone.append(timer)
                continue
            if timer._when < border:
                self._push_near(timer)
                continue
            earliest = min(earliest, timer._when)
            if i > end:
                far[end] = timer
                timer._place = -1 - end
            end += 1
        while len(far) > end:  # a slice is an object, see _resize
            far.pop()
        self._far_count = self._far_end = end
        self._earliest_far = earliest
        self._border = border

    def _push_near(self, timer):
        self._arrivals += 1
        key = make_key(timer._when, self._arrivals)  # first: interpreted it is an object, see _resize
        place = self._near_count
        if place == len(self._near):
            self._resize(2 * place + _SPARE)
        self._near_count += 1
        self._rise(timer, key, place)

    def _remove_near(self, place):
        self._near_count -= 1
        end = self._near_count
        last = cython.cast(TimerHandle, self._near[end])
        key = self._keys[end]
        self._near[end] = None
        if place < end:
            if place > 0 and before(key, self._keys[(place - 1) // 4]):
                self._rise(last, key, place)
            else:
                self._sink(last, key, place)
        if len(self._near) > 4 * (end + _SPARE):
            self._resize(2 * end)

    def _rise(self, timer, key, place):
        while place > 0:
            above = (place - 1) // 4
            if not before(key, self._keys[above]):
                break
            self._put(place, cython.cast(TimerHandle, self._near[above]), self._keys[above])
            place = above
        self._put(place, timer, key)

    def _sink(self, timer, key, place):
        keys = self._keys
        while True:
            least = 4 * place + 1
            if least >= self._near_count:
                break
            for other in range(least + 1, min(least + 4, self._near_count)):
                if before(keys[other], keys[least]):
                    least = other
            if not before(keys[least], key):
                break
            self._put(place, cython.cast(TimerHandle, self._near[least]), keys[least])
            place = least
        self._put(place, timer, key)

    def _put(self, place, timer, key):
        self._near[place] = timer
        self._keys[place] = key
        timer._place = place + 1

    def _resize(self, room):
        """Have `room` places in the heap, with as many keys.

        Making an object may set off the garbage collector, which runs code of the program's: no time for that.
        """
        near = self._near
        while len(near) > room:
            near.pop()
        if cython.compiled:
            self._keys = resize_keys(self._keys, room)
        else:
            while len(self._keys) > room:
                self._keys.pop()
            while len(self._keys) < room:
                self._keys.append(None)
        while len(near) < room:
            near.append(None)


def new_timer(when, callback, args, loop, context):
    """A TimerHandle without the detour through `__init__`, for the loop's own calls outside of debug mode."""
    if cython.compiled:
        timer = cython.cast(TimerHandle, copy_of(_model))
    else:
        timer = TimerHandle.__new__(TimerHandle)
        timer._next = None
        timer._cancelled = False
        timer._told = None
    timer._callback = callback
    timer._args = args
    timer._loop = loop
    timer._held = held_context() if context is None else context
    timer._when = when
    return timer


_model = as_model(TimerHandle.__new__(TimerHandle))
if cython.compiled:
    keep_spares(TimerHandle, 1024, collector_room(_model))
    free_flatly(_model)
