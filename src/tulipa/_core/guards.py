"""The compiled part of locks, events, conditions and semaphores: all but their coroutines.

`_turn` of each gives what its coroutine awaits: nothing to wait for, or a place in its line. The line is made when
somebody waits first where many are made and few are waited for.
"""

from collections import deque

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._core import resuming
from tulipa._core.places import PASSED, LoopBound, wake_every, wake_first, wake_next

if not cython.compiled:  # compiled, the .pxd declares them
    from tulipa._core.places import has_waiting, stand_before, stand_in, wake_one
    from tulipa._core.resuming import set_send

    def is_untouched(bound):
        """Whether nobody has set attributes on it: its methods may be among them."""
        return not bound.__dict__.keys() & {"acquire", "release", "locked"}


class Guard(LoopBound):
    """``async with`` for what has `acquire` and `release`; without a coroutine where nobody has to wait."""

    def __init__(self):
        self._plain = False
        self._waiters = None

    def __aenter__(self):
        if not self._guards_plainly():
            return self._enter()
        return PASSED if self._take() else _turn_of(self)

    def __aexit__(self, exc_type, exc, tb):
        if self._guards_plainly():
            self._give_back()
        else:
            self.release()
        return PASSED

    def _turn(self):
        """What to await to have it."""
        return PASSED if self._take() else self._stand()

    def _guards_plainly(self):
        """Whether `acquire`, `release` and `locked` are the class's own."""
        return self._plain and is_untouched(self)

    def _is_locked(self):
        raise NotImplementedError

    def _take(self):
        """What `acquire` does, if it needs no wait; whether it did."""
        raise NotImplementedError

    def _stand(self):
        """What `acquire` does otherwise."""
        if self._waiters is None:
            line = deque()
            if self._waiters is None:  # the collector and other threads may have made one meanwhile
                self._waiters = line
        return stand_before(self._waiters, self)

    def _give_back(self):
        """What `release` does."""
        raise NotImplementedError


@cython.freelist(64)
@cython.cclass
class Turn:
    """What ``async with`` awaits where somebody has the guard: as a coroutine, it begins when it is awaited."""

    def __init__(self, guard):
        self._guard = guard
        self._place = None

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        if self._must_yield():
            return self._place
        raise StopIteration

    def close(self):
        """Stop waiting."""
        if self._place is not None:
            self._place._abandon()

    send = resuming.send
    throw = resuming.throw

    def _must_yield(self):
        if self._place is None:
            if self._guard._take():
                return False
            self._place = self._guard._stand()
        if self._place._must_yield():
            return True
        self._place._take_result()
        return False


def _turn_of(guard):
    turn = Turn.__new__(Turn)
    turn._guard = guard
    turn._place = None
    return turn


def _send(turn, value, out):
    """Turn's `am_send`."""
    this = cython.cast(Turn, turn)
    if this._must_yield():
        out[0] = new_reference(this._place)
        return PYGEN_NEXT
    out[0] = new_reference(None)
    return PYGEN_RETURN


if cython.compiled:
    set_send(Turn, _send)


class BaseLock(Guard):
    """All of a Lock but its coroutine."""

    _fields = ("_loop", "_plain", "_waiters", "_locked")

    def __init__(self):
        Guard.__init__(self)
        self._locked = False

    def locked(self):
        """Whether somebody holds it."""
        return self._locked

    def release(self):
        """Give it back, to whoever has waited longest. Raises RuntimeError where nobody holds it."""
        self._give_back()

    def _is_locked(self):
        return self._locked

    def _take(self):
        if self._locked or has_waiting(self._waiters):
            return False
        self._locked = True
        return True

    def _arrived(self):
        self._locked = True
        return 0

    def _abandoned(self, place):
        if not self._locked and self._waiters and not self._loop.is_closed():
            wake_first(self._waiters)
        return 0

    def _give_back(self):
        if not self._locked:
            raise RuntimeError("Lock is not acquired: release() needs an acquire() before; `async with` pairs them")
        self._locked = False
        wake_first(self._waiters)
        return 0


class BaseSemaphore(Guard):
    """All of a Semaphore but its coroutine."""

    _fields = ("_loop", "_plain", "_waiters", "_value", "_bound_value")

    def __init__(self, value):
        Guard.__init__(self)
        self._value = value
        self._bound_value = None

    def locked(self):
        """Whether `acquire` would have to wait: there is nothing to take, or others came before."""
        return self._is_locked()

    def release(self):
        """Add one to the counter, or hand it to whoever has waited longest.

        A BoundedSemaphore's raises ValueError where the counter would pass its initial value.
        """
        self._give_back()

    def _is_locked(self):
        return self._value == 0 or has_waiting(self._waiters)

    def _take(self):
        if self._is_locked():
            return False
        self._value -= 1
        return True

    def _arrived(self):
        self._hand_over()
        return 0

    def _abandoned(self, place):
        if place._done and not place._cancelled:
            self._value += 1  # it was handed over already
        if not self._loop.is_closed():
            self._hand_over()
        return 0

    def _give_back(self):
        if self._bound_value is not None and self._value >= self._bound_value:
            raise ValueError(
                "BoundedSemaphore released too many times: each release() needs an acquire() before; "
                "`async with` pairs them"
            )
        self._value += 1
        self._hand_one_over()
        return 0

    def _hand_over(self):
        """As long as there is something to hand over."""
        while self._value and self._hand_one_over():
            pass
        return 0

    def _hand_one_over(self):
        if not wake_one(self._waiters):
            return False
        self._value -= 1
        return True


class BaseEvent(LoopBound):
    """All of an Event but its coroutine."""

    _fields = ("_loop", "_line", "_value")

    @property
    def _waiters(self):
        return self._made_line()

    @_waiters.setter
    def _waiters(self, line):
        self._line = line

    def is_set(self):
        """Whether the flag is set."""
        return self._value

    def set(self):
        """Set the flag and wake all who wait; `wait` returns at once from now on."""
        if not self._value:
            self._value = True
            if self._line is not None:
                wake_every(self._line)

    def clear(self):
        """Reset the flag: `wait` waits for the next `set`."""
        self._value = False

    def _turn(self):
        """What to await until the flag is set."""
        return PASSED if self._value else stand_in(self._made_line(), self)

    def _made_line(self):
        if self._line is None:
            line = deque()
            if self._line is None:  # the collector and other threads may have made one meanwhile
                self._line = line
        return self._line


if not cython.compiled:
    # As compiled fields read before they are set: an event needs no `__init__`.
    BaseEvent._line, BaseEvent._value = None, False


class _OfLock:
    """A method of the condition's lock, unless another one is set on the condition itself."""

    def __init__(self, name):
        self._name = name

    def __get__(self, condition, owner=None):
        return self if condition is None else getattr(condition._lock, self._name)


class BaseCondition(Guard):
    """All of a Condition but its coroutines. A lock of ours, as made, is spoken to in C; others by their methods."""

    _fields = ("_loop", "_plain", "_waiters", "_lock", "_guard")

    locked = _OfLock("locked")
    acquire = _OfLock("acquire")
    release = _OfLock("release")

    def __init__(self, lock):
        Guard.__init__(self)
        self._lock = lock
        self._guard = lock if isinstance(lock, Guard) and cython.cast(Guard, lock)._guards_plainly() else None
        self._waiters = deque()
        for name in ("locked", "acquire", "release"):
            getattr(lock, name)  # what is no lock is refused at once

    def notify(self, n=1):
        """Wake `n` of those who wait, or as many as there are. Raises RuntimeError where nobody holds the lock."""
        if not self._is_locked():
            raise RuntimeError("cannot notify on un-acquired lock: use `async with condition` around notify()")
        self._wake_some(n)

    def notify_all(self):
        """Wake all who wait; as `notify`."""
        self.notify(len(self._waiters))

    def _notify(self, n):
        self._wake_some(n)

    def _wake_some(self, n):
        while n > 0 and wake_next(self._waiters):
            n -= 1
        return 0

    def _stand_to_wait(self):
        """Release the lock; gives the place to wait at until notified."""
        if not self._is_locked():
            raise RuntimeError("cannot wait on un-acquired lock: use `async with condition` around wait()")
        self._check_loop()
        if self._guards_plainly():
            self._guard._give_back()
        else:
            self.release()
        return stand_in(self._waiters, self)

    def _retake(self):
        """Take the lock, if that needs no wait; whether it did."""
        return self._guards_plainly() and self._guard._take()

    def _turn(self):
        return self._guard._turn() if self._guards_plainly() else self.acquire()

    def _guards_plainly(self):
        return self._guard is not None and is_untouched(self)

    def _is_locked(self):
        return self._guard._is_locked() if self._guards_plainly() else self.locked()

    def _take(self):
        return self._guard._take()

    def _stand(self):
        return self._guard._stand()

    def _give_back(self):
        return self._guard._give_back()
