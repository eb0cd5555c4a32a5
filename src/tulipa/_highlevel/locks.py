"""Lock, Event, Condition, Semaphore and BoundedSemaphore, as asyncio's of Python 3.15.

Who waits stands in a line of futures, first come, first served. A wake-up that reaches a task which can't use it any
more, being cancelled or closed meanwhile, is passed on to the next one.
"""

from asyncio import CancelledError
from collections import deque

from tulipa._core.places import stand_in, wake, wake_every, wake_first, wake_next
from tulipa._highlevel.bound import Guard, LoopBound, with_state


class Lock(Guard, LoopBound):
    """Mutual exclusion for tasks, in the order in which they ask for it. Not thread-safe."""

    def __init__(self):
        self._waiters = None
        self._locked = False

    def __repr__(self):
        return with_state(self, "locked" if self._locked else "unlocked", self._waiters)

    def locked(self):
        """Whether somebody holds it."""
        return self._locked

    async def acquire(self):
        """Wait until nobody holds it, and take it; gives True."""
        if not self._take():
            await self._wait_for_turn()
        return True

    async def _wait_for_turn(self):
        if self._waiters is None:
            self._waiters = deque()
        place = stand_in(self._waiters, self)
        try:
            await place
        except BaseException:
            if not self._locked and self._waiters and not self._loop.is_closed():
                wake_first(self._waiters)
            raise
        self._locked = True

    def _take(self):
        if self._locked or (self._waiters and not all(waiter.cancelled() for waiter in self._waiters)):
            return False
        self._locked = True
        return True

    def release(self):
        """Give it back, to whoever has waited longest. Raises RuntimeError where nobody holds it."""
        if not self._locked:
            raise RuntimeError("Lock is not acquired: release() needs an acquire() before; `async with` pairs them")
        self._locked = False
        if self._waiters:
            wake_first(self._waiters)


class Event(LoopBound):
    """A flag that tasks can wait for. Not thread-safe: from other threads ``loop.call_soon_threadsafe(event.set)``."""

    def __init__(self):
        self._waiters = deque()
        self._value = False

    def __repr__(self):
        return with_state(self, "set" if self._value else "unset", self._waiters)

    def is_set(self):
        """Whether the flag is set."""
        return self._value

    def set(self):
        """Set the flag and wake all who wait; `wait` returns at once from now on."""
        if not self._value:
            self._value = True
            if self._waiters:
                wake_every(self._waiters)

    def clear(self):
        """Reset the flag: `wait` waits for the next `set`."""
        self._value = False

    async def wait(self):
        """Wait until the flag is set; gives True, even where it is cleared again meanwhile."""
        if self._value:
            return True
        await stand_in(self._waiters, self)
        return True


class Condition(Guard, LoopBound):
    """Waiting, with a lock, for a state that others change and tell of. `lock` may be shared; None makes a Lock."""

    def __init__(self, lock=None):
        self._lock = Lock() if lock is None else lock
        self.locked = self._lock.locked
        self.acquire = self._lock.acquire
        self.release = self._lock.release
        self._acquires_plainly = isinstance(self._lock, Guard) and self._lock._acquires_plainly
        self._waiters = deque()

    def __repr__(self):
        return with_state(self, "locked" if self.locked() else "unlocked", self._waiters)

    def _take(self):
        return self._lock._take()

    def _wait_for_turn(self):
        return self._lock._wait_for_turn()

    async def wait(self):
        """Release the lock, wait to be notified, and take the lock again, also when cancelled; gives True.

        It may return without a notification. Raises RuntimeError where nobody holds the lock.
        """
        if not self.locked():
            raise RuntimeError("cannot wait on un-acquired lock: use `async with condition` around wait()")
        self._get_loop()
        self.release()
        place = stand_in(self._waiters, self)
        failure = None
        try:
            await place
        except BaseException as exc:
            failure = exc
        while True:
            try:
                if not self._acquires_plainly or not self._take():
                    await self.acquire()
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

    def notify(self, n=1):
        """Wake `n` of those who wait, or as many as there are. Raises RuntimeError where nobody holds the lock."""
        if not self.locked():
            raise RuntimeError("cannot notify on un-acquired lock: use `async with condition` around notify()")
        self._notify(n)

    def notify_all(self):
        """Wake all who wait; as `notify`."""
        self.notify(len(self._waiters))

    def _notify(self, n):
        while n > 0 and wake_next(self._waiters):
            n -= 1


class Semaphore(Guard, LoopBound):
    """A counter that `acquire` takes from, waiting at zero, and `release` adds to; first come, first served.

    Raises ValueError for a negative `value`.
    """

    def __init__(self, value=1):
        if value < 0:
            raise ValueError(f"Semaphore initial value must be >= 0, not {value!r}")
        self._waiters = None
        self._value = value

    def __repr__(self):
        return with_state(self, "locked" if self.locked() else f"unlocked, value:{self._value}", self._waiters)

    def locked(self):
        """Whether `acquire` would have to wait: there is nothing to take, or others came before."""
        return self._value == 0 or (bool(self._waiters) and any(not waiter.cancelled() for waiter in self._waiters))

    async def acquire(self):
        """Take one from the counter, waiting until there is one; gives True."""
        if not self._take():
            await self._wait_for_turn()
        return True

    async def _wait_for_turn(self):
        if self._waiters is None:
            self._waiters = deque()
        place = stand_in(self._waiters, self)
        try:
            await place
        except BaseException:
            if place.done() and not place.cancelled():
                self._value += 1  # it was handed over already
            if not self._loop.is_closed():
                self._wake_up()
            raise
        if self._value:
            self._wake_up()

    def _take(self):
        if self._value == 0 or (self._waiters and self.locked()):
            return False
        self._value -= 1
        return True

    def release(self):
        """Add one to the counter, or hand it to whoever has waited longest."""
        self._value += 1
        if self._waiters:
            self._wake_next()

    def _wake_up(self):
        """Hand over as long as there is something to hand over."""
        while self._value and self._wake_next():
            pass

    def _wake_next(self):
        for waiter in self._waiters or ():
            if wake(waiter):
                self._value -= 1
                return True
        return False


class BoundedSemaphore(Semaphore):
    """A Semaphore that can't be released more often than it was acquired."""

    def __init__(self, value=1):
        self._bound_value = value
        Semaphore.__init__(self, value)

    def release(self):
        """As Semaphore's. Raises ValueError where the counter would pass its initial value."""
        if self._value >= self._bound_value:
            raise ValueError(
                "BoundedSemaphore released too many times: each release() needs an acquire() before; "
                "`async with` pairs them"
            )
        Semaphore.release(self)
