"""Queue, PriorityQueue and LifoQueue, as asyncio's of Python 3.15."""

import asyncio
import heapq
from types import GenericAlias

from tulipa._core.native import own_methods
from tulipa._core.places import wake_next
from tulipa._core.store import OVERRIDABLE, WAIT, BaseQueue
from tulipa._highlevel.locks import Event

if hasattr(asyncio, "QueueShutDown"):
    QueueShutDown = asyncio.QueueShutDown  # from Python 3.13 on
else:

    class QueueShutDown(Exception):  # type: ignore[no-redef]
        """Raised by `put` and `get` of a queue that was shut down."""


@own_methods
class Queue(BaseQueue):
    """Items on their way from some tasks to others, first in, first out. Not thread-safe.

    `put` waits while there are `maxsize` items; a `maxsize` of 0 or less is no limit. A subclass that keeps its
    items in another way overrides `_init`, `_put` and `_get`.
    """

    def __init__(self, maxsize=0):
        BaseQueue.__init__(self, maxsize, Event(), QueueShutDown, self._is_plain)
        self._init(maxsize)

    __class_getitem__ = classmethod(GenericAlias)  # type: ignore[var-annotated]

    # Whether `put` and `get` may do at once what they would call a handful of methods for.
    _is_plain = True

    def __init_subclass__(cls):
        super().__init_subclass__()
        cls._is_plain = cls._is_plain and OVERRIDABLE.isdisjoint(vars(cls))

    def __repr__(self):
        return f"<{type(self).__name__} at {id(self):#x} {self._format()}>"

    def __str__(self):
        return f"<{type(self).__name__} {self._format()}>"

    def _format(self):
        words = [f"maxsize={self._maxsize!r}"]
        if self._queue:
            words.append(f"_queue={list(self._queue)!r}")
        if self._getters:
            words.append(f"_getters[{len(self._getters)}]")
        if self._putters:
            words.append(f"_putters[{len(self._putters)}]")
        if self._unfinished_tasks:
            words.append(f"tasks={self._unfinished_tasks}")
        if self._is_shutdown:
            words.append("shutdown")
        return " ".join(words)

    async def put(self, item):
        """Put `item` in, waiting for room. Raises QueueShutDown."""
        place = None
        while (given := self._put_now(item)) is WAIT:
            place = self._stand_for_room(place is not None)
            try:
                await place
            except BaseException:
                self._pass_on(self._putters, place, self.full)
                raise
        return given

    async def get(self):
        """Take an item out, waiting for one. Raises QueueShutDown where there is none and none will come."""
        place = None
        while (item := self._take_now()) is WAIT:
            place = self._stand_for_item(place is not None)
            try:
                await place
            except BaseException:
                self._pass_on(self._getters, place, self.empty)
                raise
        return item

    def _pass_on(self, line, place, must_wait):
        """A task can't wait any longer; where it was woken already, that is passed on."""
        if place.done() and not place.cancelled() and not must_wait() and not self._loop.is_closed():
            wake_next(line)

    async def join(self):
        """Wait until `task_done` was called for every item."""
        if self._unfinished_tasks > 0:
            self._finished.clear()
            await self._finished.wait()

    def shutdown(self, immediate=False):
        """From now on `put` raises QueueShutDown, and so does `get` when there is nothing left.

        Where `immediate`, what is left is dropped, and done with for `join`. Who waits is woken. Since Python 3.13.
        """
        self._is_shutdown = True
        if immediate:
            while not self.empty():
                self._get()
                if self._unfinished_tasks > 0:
                    self._unfinished_tasks -= 1
            if self._unfinished_tasks == 0:
                self._finished.set()
        for line in (self._getters, self._putters):
            while wake_next(line):
                pass


class PriorityQueue(Queue):
    """A Queue that gives the smallest item first; mostly items are (priority, data)."""

    def _init(self, maxsize):
        self._queue = []

    def _put(self, item):
        try:
            heapq.heappush(self._queue, item)
        except BaseException:
            # It can't be compared with the others: who puts it is told so, and nobody is to get it.
            del self._queue[next(index for index, other in enumerate(self._queue) if other is item)]
            heapq.heapify(self._queue)
            raise

    def _get(self):
        return heapq.heappop(self._queue)


class LifoQueue(Queue):
    """A Queue that gives the newest item first."""

    def _init(self, maxsize):
        self._queue = []

    def _put(self, item):
        self._queue.append(item)

    def _get(self):
        return self._queue.pop()
