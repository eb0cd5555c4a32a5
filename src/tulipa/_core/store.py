"""The compiled part of queues: items, and the lines of those who wait for one or for room."""

from asyncio import QueueEmpty, QueueFull
from collections import deque

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._core.places import LoopBound, stand_in, wake_next

# What `put` and `get` stand upon: where a subclass or the program has methods of its own, these are called.
OVERRIDABLE = frozenset({"_init", "_get", "_put", "qsize", "empty", "full", "put_nowait", "get_nowait"})

if not cython.compiled:  # compiled, the .pxd declares them
    from tulipa._core.native import append, popleft

    def is_untouched(bound):
        """Whether nobody has set attributes on it: its methods may be among them."""
        return OVERRIDABLE.isdisjoint(bound.__dict__)


class _Wait:
    """What `_put_now` and `_take_now` give where there is no room or no item."""


WAIT = _wait = _Wait()  # WAIT is for other modules; _wait, a C variable, is found without looking into a dictionary


class BaseQueue(LoopBound):
    """All of a queue but its coroutines, which are not compiled.

    A subclass that keeps its items in another way overrides `_init`, `_put` and `_get`.
    """

    _fields = (
        "_loop", "_plain", "_getters", "_putters", "_maxsize", "_queue", "_unfinished_tasks", "_finished",
        "_shut_down", "_is_shutdown",
    )  # fmt: skip

    def __init__(self, maxsize, finished, shut_down, is_plain):
        self._maxsize = maxsize
        self._getters = deque()
        self._putters = deque()
        self._unfinished_tasks = 0
        self._finished = finished  # an Event; means something only while somebody waits in `join`
        self._shut_down = shut_down  # the exception's class
        self._is_shutdown = False
        self._plain = is_plain
        self._queue = None

    # -- for subclasses -------------------------------------------------------------------------------------

    def _init(self, maxsize):
        self._queue = deque()

    def _get(self):
        return self._queue.popleft()

    def _put(self, item):
        self._queue.append(item)

    # -- what it is -----------------------------------------------------------------------------------------

    @property
    def maxsize(self):
        """How many items there is room for; no limit where it is 0 or less."""
        return self._maxsize

    def qsize(self):
        """How many items there are."""
        return len(self._queue)

    def empty(self):
        """Whether there is no item."""
        return not self._queue

    def full(self):
        """Whether there are `maxsize` items."""
        return 0 < self._maxsize <= self.qsize()

    # -- putting and getting --------------------------------------------------------------------------------

    def put_nowait(self, item):
        """Put `item` in. Raises QueueFull where there is no room, and QueueShutDown."""
        if self._put_plainly(item):
            return
        if self._is_shutdown:
            raise self._shut_down("the queue was shut down: nothing can be put into it any more")
        if self.full():
            raise QueueFull(f"the queue holds {self.qsize()} items, as many as it may; await put() to wait for room")
        self._put(item)
        self._unfinished_tasks += 1
        wake_next(self._getters)

    def get_nowait(self):
        """Take an item out. Raises QueueEmpty where there is none, QueueShutDown where none will come."""
        if self._acts_plainly() and len(self._queue) > 0:
            return self._take_plainly()
        if self.empty():
            if self._is_shutdown:
                raise self._shut_down("the queue was shut down and is empty")
            raise QueueEmpty("the queue is empty; await get() to wait for an item")
        item = self._get()
        wake_next(self._putters)
        return item

    def task_done(self):
        """Tell that an item that was taken out is done with. Raises ValueError where there is none."""
        if self._unfinished_tasks <= 0:
            raise ValueError("task_done() called too many times: more often than items were put into the queue")
        self._unfinished_tasks -= 1
        if self._unfinished_tasks == 0:
            self._finished.set()

    def _put_now(self, item):
        """What `put` does and gives, if it needs no wait; otherwise WAIT."""
        if self._put_plainly(item):
            return None
        return _wait if self.full() and not self._is_shutdown else self.put_nowait(item)

    def _take_now(self):
        """What `get` does, if it needs no wait; otherwise WAIT."""
        if self._acts_plainly() and (len(self._queue) > 0 or not self._is_shutdown):
            return self._take_plainly() if len(self._queue) > 0 else _wait
        return _wait if self.empty() and not self._is_shutdown else self.get_nowait()

    def _stand_for_room(self, again):
        """A place at the end of the line, or at its head for a task that was woken there, but overtaken."""
        return stand_in(self._putters, self, again)

    def _stand_for_item(self, again):
        """The same for who waits for an item."""
        return stand_in(self._getters, self, again)

    def _put_plainly(self, item):
        """Put it into a queue that has room; whether that was done."""
        if not self._acts_plainly() or self._is_shutdown or 0 < self._maxsize <= len(self._queue):
            return False
        append(self._queue, item)
        self._unfinished_tasks += 1
        wake_next(self._getters)
        return True

    def _acts_plainly(self):
        """Whether the items are in a deque, and the methods for subclasses are the class's own."""
        return self._plain and type(self._queue) is deque and is_untouched(self)

    def _take_plainly(self):
        item = popleft(self._queue)
        wake_next(self._putters)
        return item
