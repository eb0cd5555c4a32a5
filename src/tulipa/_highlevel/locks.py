"""Lock, Event, Condition, Semaphore and BoundedSemaphore, as asyncio's of Python 3.15.

Who waits stands in a line of futures, first come, first served. A wake-up that reaches a task which can't use it any
more, being cancelled or closed meanwhile, is passed on to the next one. All but the coroutines is in _core/guards.py.
"""

from asyncio import CancelledError

from tulipa._core.guards import BaseCondition, BaseEvent, BaseLock, BaseSemaphore
from tulipa._core.native import own_methods
from tulipa._highlevel.bound import Entered, keeps_methods, with_state


@own_methods
class Lock(Entered, BaseLock):
    """Mutual exclusion for tasks, in the order in which they ask for it. Not thread-safe."""

    def __init__(self):
        BaseLock.__init__(self)
        self._plain = keeps_methods(type(self), Lock)

    def __repr__(self):
        return with_state(self, "locked" if self._locked else "unlocked", self._waiters)

    async def acquire(self):
        """Wait until nobody holds it, and take it; gives True."""
        await self._turn()
        return True


@own_methods
class Event(BaseEvent):
    """A flag that tasks can wait for. Not thread-safe: from other threads ``loop.call_soon_threadsafe(event.set)``."""

    def __init__(self):
        pass  # made ready already; it takes no arguments

    def __repr__(self):
        return with_state(self, "set" if self._value else "unset", self._line)

    async def wait(self):
        """Wait until the flag is set; gives True, even where it is cleared again meanwhile."""
        await self._turn()
        return True


@own_methods
class Condition(Entered, BaseCondition):
    """Waiting, with a lock, for a state that others change and tell of. `lock` may be shared; None makes a Lock."""

    def __init__(self, lock=None):
        BaseCondition.__init__(self, Lock() if lock is None else lock)

    def __repr__(self):
        return with_state(self, "locked" if self.locked() else "unlocked", self._waiters)

    async def wait(self):
        """Release the lock, wait to be notified, and take the lock again, also when cancelled; gives True.

        It may return without a notification. Raises RuntimeError where nobody holds the lock.
        """
        place = self._stand_to_wait()
        failure = None
        try:
            await place
            if self._retake():
                return True
        except BaseException as exc:
            failure = exc
        while True:
            try:
                await self._turn()
                break
            except CancelledError as exc:
                failure = exc
        if failure is None:
            return True
        try:
            if not place.cancelled() and place.done():
                self._notify(1)  # it came, but can't be made use of
            raise failure
        finally:
            failure = None  # its traceback refers to this frame

    async def wait_for(self, predicate):
        """Wait until ``predicate()``, called with the lock held, is true; gives its value."""
        result = predicate()
        while not result:
            await self.wait()
            result = predicate()
        return result


@own_methods
class Semaphore(Entered, BaseSemaphore):
    """A counter that `acquire` takes from, waiting at zero, and `release` adds to; first come, first served.

    Raises ValueError for a negative `value`.
    """

    def __init__(self, value=1):
        if value < 0:
            raise ValueError(f"Semaphore initial value must be >= 0, not {value!r}")
        BaseSemaphore.__init__(self, value)
        self._plain = keeps_methods(type(self), Semaphore)

    def __repr__(self):
        return with_state(self, "locked" if self.locked() else f"unlocked, value:{self._value}", self._waiters)

    async def acquire(self):
        """Take one from the counter, waiting until there is one; gives True."""
        await self._turn()
        return True


class BoundedSemaphore(Semaphore):
    """A Semaphore that can't be released more often than it was acquired: that raises ValueError."""

    def __init__(self, value=1):
        Semaphore.__init__(self, value)
        self._bound_value = value
