"""The compiled part of what tasks wait at: a task's place in a line of waiters, and an awaitable that is done already.

A line is a deque. Mostly there are places in it; futures that others have put there are woken too.
"""

import asyncio
import threading

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._core import describe, resuming
from tulipa._core.futures import Future
from tulipa._core.ready import LoopState

if not cython.compiled:  # compiled, the .pxd declares them
    from tulipa._core.memory import as_model
    from tulipa._core.native import append, popleft, running_loop
    from tulipa._core.resuming import set_send

_binding = threading.Lock()


class LoopBound:
    """Something that belongs to the loop in which somebody waits for it first."""

    _fields = ("_loop",)  # compiled, they are not in the dictionary

    def __cinit__(self):
        # Before everything else, and only compiled. With an empty dictionary, methods are looked up anew each time.
        forget_dict(self)

    def _get_loop(self):
        """The running loop. Raises RuntimeError where another one came first, or none runs."""
        self._check_loop()
        return self._loop

    def _check_loop(self):
        loop = running_loop()
        if loop is not self._loop or loop is None:
            self._bind(loop)
        return 0

    def _bind(self, loop):
        if loop is None:
            raise RuntimeError(f"no running event loop: {self!r} can only be waited for by a coroutine that one runs")
        with _binding:  # of two threads one is the first, and the other one is told so
            if self._loop is None:
                self._loop = loop
        if self._loop is not loop:
            raise RuntimeError(
                f"{self!r} is bound to a different event loop; use one for each loop, "
                "or asyncio.run_coroutine_threadsafe() to reach the other loop"
            )
        return 0

    def __getstate__(self):
        """For copies and pickles, which it can't have while somebody waits."""
        return {**vars(self), **{name: getattr(self, name) for name in self._fields}}

    def __setstate__(self, state):
        for name, value in state.items():
            setattr(self, name, value)

    def _arrived(self):
        """Somebody's wait is over, and its task goes on."""
        return 0

    def _abandoned(self, place):
        """Somebody stops waiting at `place`, being cancelled or closed, perhaps after it was woken."""
        return 0


if not cython.compiled:
    # As a compiled field reads before it is set: subclasses need no `__init__` of this.
    LoopBound._loop = None


class Place(Future):
    """A future that one task awaits while it stands in a line, a deque. However the wait ends, it leaves the line.

    It is its own iterator, so that waiting makes one object. Where it has an owner, that is told of the end.
    """

    def __init__(self, loop):
        self._prepare(loop)
        self._line = None
        self._owner = None
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

    def close(self):
        """Stop waiting."""
        self._abandon()

    throw = resuming.throw

    def _renew(self):
        self._yielded = False
        return Future._renew(self)

    def _must_yield(self):
        """Whether the wait begins; False where it is over."""
        if self._done:
            if self._cancelled:
                self._abandon()
                return False
            self._leave()
            owner = self._owner
            if owner is not None:
                self._owner = None
                owner._arrived()
            return False
        if self._yielded:
            raise RuntimeError("await wasn't used with future")
        self._yielded = True
        self._asyncio_future_blocking = True
        return True

    def _abandon(self):
        self._leave()
        owner = self._owner
        if owner is not None:
            self._owner = None
            owner._abandoned(self)
        return 0

    def _leave(self):
        line = self._line
        self._line = None
        if not line:
            return 0
        if line[0] is self:
            popleft(line)
        else:
            try:
                line.remove(self)
            except ValueError:
                pass  # whoever woke it has taken it out
        return 0


def send_place(place, value, out):
    """Place's `am_send`."""
    this = cython.cast(Place, place)
    if this._must_yield():
        out[0] = new_reference(this)
        return PYGEN_NEXT
    out[0] = new_reference(this._take_result())
    return PYGEN_RETURN


if cython.compiled:
    set_send(Place, send_place)


def stand_in(line, owner, first=False):
    """A new place at the end of `line`, or at its head, in the loop to which `owner` belongs."""
    owner._check_loop()
    loop = owner._loop
    if cython.compiled and isinstance(loop, LoopState):
        state = cython.cast(LoopState, loop)
        place = stand_alone(state)
        debug = state._debug
    else:
        place = Place(loop)
        debug = loop.get_debug()
    if debug:
        place._source_traceback = describe.creation_stack()
    place._line = line
    if first:
        line.appendleft(place)
    else:
        append(line, place)
    return place


def stand_alone(loop):
    """A new place in no line, in a loop of ours."""
    if not cython.compiled:
        return Place(loop)
    place = cython.cast(Place, copy_of(_model))
    place._live_in(loop)
    return place


def stand_before(line, owner):
    """As `stand_in`; and `owner` is told when the wait ends."""
    place = stand_in(line, owner)
    place._owner = owner
    return place


_model = as_model(Place.__new__(Place))
if cython.compiled:
    keep_spares(Place, 1024, collector_room(_model))  # as many as a busy turn has
    free_flatly(_model)


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


def is_cancelled(waiter):
    """``waiter.cancelled()``."""
    return cython.cast(Place, waiter)._cancelled if type(waiter) is Place else waiter.cancelled()


def has_waiting(line):
    """Whether there is anybody in `line`, or None, who was not cancelled, woken or not."""
    if not line:
        return False
    if not is_cancelled(line[0]):
        return True
    for waiter in line:
        if not is_cancelled(waiter):
            return True
    return False


def wake_first(line):
    """Wake the first that was not cancelled, unless it was woken already; it leaves the line when it runs."""
    if not line:
        return False
    if wake(line[0]) or not is_cancelled(line[0]):
        return True
    for waiter in line:
        if wake(waiter) or not is_cancelled(waiter):
            return True
    return False


def wake_one(line):
    """Wake the first that waits; it leaves the line when it runs. False where nobody waits."""
    if not line:
        return False
    if wake(line[0]):
        return True
    for waiter in line:
        if wake(waiter):
            return True
    return False


def wake_every(line):
    """Wake all that wait; each leaves the line when it runs."""
    if len(line) == 1:
        wake(line[0])  # mostly it is one, who needs no iterator
        return 0
    for waiter in line:
        wake(waiter)
    return 0


def wake_next(line):
    """Wake the first that waits and take it out of the line, and those before it. False where nobody waits."""
    while line:
        waiter = popleft(line)
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
