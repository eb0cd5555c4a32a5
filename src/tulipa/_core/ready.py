"""The ready queue, what stands in it, and the part of a loop's state that the whole core sees.

The queue is a chain through its members: putting something in allocates nothing, and a task or a transport
stands in it itself, without a handle around it.
"""

import collections

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._core.number_set import NumberSet


class Link:
    """A thing that can stand in the ready queue, in one place at a time."""

    def __init__(self):
        self._next = None

    def _fire(self):
        """Do what was waited for. What it raises goes to `_fire_failed`; KeyboardInterrupt and SystemExit pass."""
        raise NotImplementedError

    def _fire_failed(self, exc):
        """`_fire` raised `exc`: report it, or raise what must leave the loop."""
        raise exc

    def _settle(self):
        """Finish what was gathered during this turn; see LoopState.at_end_of_turn."""
        raise NotImplementedError


if not cython.compiled:
    # No `__init__` that a program may call a second time sets it: the link may stand in the queue.
    Link._next = None


class ReadyQueue:
    """First in, first out; `post` may be called from any thread and from signal handlers."""

    def __init__(self):
        self._head = None
        self._tail = None
        self.count = 0
        # A deque's append and popleft are atomic, whatever thread or signal handler comes between.
        self._posted = collections.deque()
        self._has_posted = False

    def push(self, link):
        """Append `link`, after everything that was posted before."""
        if link is None:
            raise TypeError("a link is expected, got None")
        if self._has_posted:
            self.collect_posted()
        self._append(link)

    def push_first(self, link):
        """Put `link` before everything else."""
        link._next = self._head
        self._head = link
        if self._tail is None:
            self._tail = link
        self.count += 1

    def pop(self):
        """Take the first link; there must be one."""
        self.count -= 1
        if cython.compiled:
            return take_first(self)
        link = self._head
        self._head = link._next
        if self._head is None:
            self._tail = None
        link._next = None
        return link

    def post(self, link):
        """Append `link` from any thread; it is seen once the loop's own thread looks."""
        if cython.compiled:
            self._append(link)  # runs no Python code, so that the GIL keeps everybody else out
        else:
            self._posted.append(link)
            self._has_posted = True

    def __len__(self):
        return self.count

    def holds(self, link):
        """Whether `link`, which stands in no other queue, stands in this one."""
        return link._next is not None or link is self._tail

    def has_work(self):
        """Whether anything waits to be run, posted links included."""
        return self.count > 0 or self._has_posted

    def collect_posted(self):
        """Move what other threads posted to the end of the queue."""
        self._has_posted = False
        posted = self._posted
        try:
            while posted:
                # Where the handler of a signal raises something, each of them stands in one place still.
                self._append(posted[0])
                del posted[0]
        except BaseException:
            self._has_posted = True
            raise

    def clear(self):
        """Drop everything, link by link, so that a long chain is not destroyed by recursion."""
        self.collect_posted()
        while self.count > 0:
            self.pop()

    def __del__(self):
        # The loop was never closed, and a chain must not be destroyed by recursion.
        self.clear()

    def _append(self, link):
        self.count += 1
        if cython.compiled:
            put_last(self, link)
            return 0
        if self._tail is None:
            self._head = link
        else:
            self._tail._next = link
        self._tail = link
        return 0


class LoopState:
    """What futures, tasks, timers and transports need to know of the loop that they live on."""

    def __init__(self):
        self._ready = ReadyQueue()
        self._timers = None  # a TimerHeap, once the scheduler has made it
        self._debug = False
        self._closed = False
        # By a subclass, or on the loop itself: then futures and tasks go by it, not straight to the queue.
        self._call_soon_replaced = False
        self._in_turn = False
        # For world.py: the running task; whether the standard library holds a place for one; the one in its dictionary.
        self._entered = None
        self._listed = False
        self._told = None
        # By a subclass: then nobody who looks into that dictionary asks for ours.
        self._hash_replaced = False
        self._settling = []
        self._first_task = None
        self._task_count = 0
        self._transport_fds = NumberSet()
        self._wrap_endpoint = None

    def at_end_of_turn(self, link):
        """Have `link._settle()` called once when this turn's callbacks have run, at once outside of a turn."""
        if self._in_turn:
            self._settling.append(link)
        else:
            link._settle()

    def _check_closed(self):
        if self._closed:
            raise RuntimeError("Event loop is closed")
