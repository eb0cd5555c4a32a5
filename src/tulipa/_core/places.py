"""The compiled part of locks and queues: a task's place in a line of waiters, and an awaitable that is done already."""

import asyncio
from asyncio import _get_running_loop

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._core import describe
from tulipa._core.futures import Future
from tulipa._core.ready import LoopState
from tulipa._core.throwing import to_raise

if not cython.compiled:  # compiled, the .pxd declares them
    from tulipa._core.native import as_model, set_send


class Place(Future):
    """A future that one task awaits while it stands in a line, a deque. However the wait ends, it leaves the line.

    It is its own iterator, so that waiting makes one object.
    """

    def __init__(self, line, loop):
        self._prepare(loop)
        self._line = line
        self._yielded = False

    @property
    def __class__(self):
        return asyncio.Future  # see Future's

    def _is_plain(self):
        return True

    def __await__(self):
        # Whoever finds it in the task's `_fut_waiter` may wait for it, too.
        return Future.__await__(self) if self._yielded else self

    def __iter__(self):
        return self

    def __next__(self):
        if self._must_yield():
            return self
        raise StopIteration(self._take_result())

    def throw(self, kind, value=None, traceback=None):
        """Raise the exception where the place is awaited."""
        self._leave()
        raise to_raise(kind, value, traceback)

    def close(self):
        """Stop waiting."""
        self._leave()

    def _must_yield(self):
        """Whether the wait begins; False where it is over."""
        if self._done:
            self._leave()
            return False
        if self._yielded:
            raise RuntimeError("await wasn't used with future")
        self._yielded = True
        self._asyncio_future_blocking = True
        return True

    def _leave(self):
        line = self._line
        self._line = None
        if line is not None:
            try:
                line.remove(self)
            except ValueError:
                pass  # whoever woke it has taken it out
        return 0


def _send(place, value, out):
    """Place's `am_send`."""
    this = cython.cast(Place, place)
    if this._must_yield():
        out[0] = new_reference(this)
        return PYGEN_NEXT
    out[0] = new_reference(this._take_result())
    return PYGEN_RETURN


if cython.compiled:
    set_send(Place, _send)


def stand_in(line, owner, first=False):
    """A new place at the end of `line`, or at its head, in the loop to which `owner`, a LoopBound, belongs."""
    loop = _get_running_loop()
    if loop is not owner._loop or loop is None:
        owner._bind(loop)
    if cython.compiled and isinstance(loop, LoopState):
        state = cython.cast(LoopState, loop)
        place = cython.cast(Place, copy_of(_model))
        place._loop = loop
        place._state_of_loop = None if state._call_soon_replaced else state
        place._line = line
        debug = state._debug
    else:
        place = Place(line, loop)
        debug = loop.get_debug()
    if debug:
        place._source_traceback = describe.creation_stack()
    if first:
        line.appendleft(place)
    else:
        line.append(place)
    return place


_model = as_model(Place.__new__(Place))


def wake(waiter):
    """Wake one; False where it does not wait any more."""
    if type(waiter) is Place:
        place = cython.cast(Place, waiter)
        if place._done:
            return False
        place._finish(None)
        return True
    if waiter.done():
        return False
    waiter.set_result(None)
    return True


def wake_first(line):
    """Wake the first that was not cancelled, unless it was woken already; it leaves the line when it runs."""
    for waiter in line:
        if wake(waiter) or not waiter.cancelled():
            return True
    return False


def wake_every(line):
    """Wake all that wait; each leaves the line when it runs."""
    for waiter in line:
        wake(waiter)


def wake_next(line):
    """Wake the first that waits and take it out of the line, and those before it. False where nobody waits."""
    while line:
        waiter = line.popleft()
        if type(waiter) is Place:
            cython.cast(Place, waiter)._line = None
        if wake(waiter):
            return True
    return False


class Passed:
    """An awaitable that is done: for what does not have to wait, where a coroutine would cost more than the work."""

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        raise StopIteration


def _send_passed(passed, value, out):
    """Passed's `am_send`."""
    out[0] = new_reference(None)
    return PYGEN_RETURN


if cython.compiled:
    set_send(Passed, _send_passed)

PASSED = Passed()
