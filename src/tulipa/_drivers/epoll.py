"""The Linux driver: epoll, by direct system calls when compiled, by `select.epoll` when interpreted.

Some facts about epoll, and what follows from them:

- Level-triggered readiness is told as long as it lasts. An echo costs one wait, one read and one write either way;
  edge-triggered would save an `epoll_ctl` only when a writer has been blocked, and would demand to read until
  EAGAIN, one system call more for each read. So: level-triggered, READ stays armed, WRITE is armed only while the
  kernel refuses bytes.
- The kernel watches the open file, not its number. When a descriptor is closed without being forgotten while a
  duplicate lives, its events go on arriving, perhaps under a number that is somebody else's by now. So: each
  registration has a generation that travels with its events; what does not match is dropped.
- Closing the last descriptor of a file removes it from the set in silence. So: ENOENT from a modification means
  "add it again", EEXIST from an addition means "modify it".
- The timeout has milliseconds. So: it is rounded up, and a timer never fires early.
- Python's signal machinery writes single bytes into its wake-up descriptor, which an eventfd refuses. So: a pipe.
- A forked child shares the set: what it changes is changed for the parent. So: the child lets go of its copies
  before anything else, and makes a set of its own when it first needs one.
- A wait of zero does not block, so the GIL is kept for it.
- EINTR ends a wait when a signal came; Python's handlers run then, and the caller looks at its queue again.
"""

import contextlib
import os
import select
import time

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._drivers.base import Driver, Watcher

if not cython.compiled:  # compiled, the .pxd declares them
    from tulipa._drivers.base import READ, WRITE, announce

    EPOLLIN, EPOLLOUT = 1, 4

_LONGEST_WAIT = 86400.0


class EpollDriver(Driver):
    """Waits by epoll; woken by a pipe."""

    name = "epoll"

    def __init__(self):
        self._poll = None
        self._epoll_fd = -1
        self._wake_in = -1
        self._wake_out = -1
        self._wakers = 0
        self._late = None
        self._shared = False
        self._table = []
        self._generation = 0
        self._count = 0
        self._open()

    def _open(self):
        self._poll = select.epoll()
        self._epoll_fd = self._poll.fileno()
        try:
            self._wake_in, self._wake_out = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
            self._poll.register(self._wake_in, select.EPOLLIN)
        except OSError:
            self._let_go()
            raise
        return 0

    def after_fork(self):
        if self._epoll_fd >= 0:
            self._wakers = 0  # their threads are not here
            self._let_go()
            self._shared = True

    def _open_again(self):
        """The first need of a forked child: watch what the parent did. Raises OSError."""
        self._open()
        self._shared = False
        self.wake()  # perhaps somebody did, meanwhile
        for watcher in list(filter(None, self._table)):
            try:
                self._control(watcher, watcher._interest, False)
            except OSError:
                # Closed in the child.
                self.forget(watcher)
        return 0

    def time(self):
        if not cython.compiled:
            return time.monotonic()
        clock_gettime(CLOCK_MONOTONIC, cython.address(now))
        return now.tv_sec + now.tv_nsec * 1e-9

    def wait(self, timeout, ready):
        if self._shared:
            self._open_again()
        if cython.compiled:
            self._wait_directly(_milliseconds(timeout), ready)
            return
        try:
            found = self._poll.poll(_milliseconds(timeout) / 1000 if timeout >= 0 else None)
        except OSError:
            if not self._shared:
                raise
            return  # a signal handler has forked, and this is the child
        for fd, events in found:
            if fd == self._wake_in:
                self._drain()
            else:
                self._dispatch(fd, events, 0, ready)

    def wake(self):
        # Full: a byte is under way already. Closed: nobody waits any more. The GIL is let go, so that the loop that is
        # woken can run; should it close the driver meanwhile, the pipe stays open until nobody writes to it.
        self._wakers += 1
        try:
            number = self._wake_out
            if cython.compiled:
                with cython.nogil:
                    write(number, b"\0", 1)
            else:
                with contextlib.suppress(OSError):
                    os.write(number, b"\0")
        finally:
            self._wakers -= 1
            if self._wakers == 0 and self._late is not None:
                self._close_pipe(self._late)

    def wake_descriptor(self):
        return self._wake_out

    def _drain(self):
        """Read all wake-ups."""
        if cython.compiled:
            while read(self._wake_in, some, WAKES_AT_ONCE) == WAKES_AT_ONCE:
                pass
            return 0
        with contextlib.suppress(BlockingIOError):
            while os.read(self._wake_in, 4096):
                pass

    def watch(self, watcher, interest):
        if self._shared:
            self._open_again()
        known = self.watcher_of(watcher._fd) is watcher
        if interest == 0:
            self.forget(watcher)
        elif not known:
            self._generation += 1
            watcher._generation = self._generation
            self._control(watcher, interest, False)
            self._enter(watcher)
            watcher._interest = interest
        elif interest != watcher._interest:
            self._control(watcher, interest, True)
            watcher._interest = interest

    def forget(self, watcher):
        watcher._interest = 0
        if self.watcher_of(watcher._fd) is not watcher:
            return
        self._table[watcher._fd] = None
        self._count -= 1
        if self._shared:
            return
        # Closed already is as good: that took it out of the set.
        if cython.compiled:
            epoll_ctl(self._epoll_fd, EPOLL_CTL_DEL, watcher._fd, cython.NULL)
            return
        try:
            self._poll.unregister(watcher._fd)
        except OSError:
            pass

    def close(self):
        self._table = []
        self._count = 0
        self._shared = False
        self._let_go()

    def _let_go(self):
        """Close our descriptors; of what a child shares with its parent, these are copies."""
        self._poll.close()
        self._epoll_fd = -1
        # Forgotten before they are closed: `wake` in another thread must not meet a number in new hands.
        pipe = self._wake_in, self._wake_out
        self._wake_in = self._wake_out = -1
        if pipe[0] < 0:
            return 0
        if self._wakers > 0:
            self._late = pipe
        else:
            self._close_pipe(pipe)
        return 0

    def _close_pipe(self, pipe):
        self._late = None
        for number in pipe:
            os.close(number)
        return 0

    def watcher_of(self, fd):
        if 0 <= fd < len(self._table):
            return self._table[fd]
        return None

    def watcher_count(self):
        return self._count

    def _enter(self, watcher):
        table = self._table
        missing = watcher._fd + 1 - len(table)
        if missing > 0:
            table.extend([None] * max(missing, len(table)))
        if table[watcher._fd] is None:
            self._count += 1
        table[watcher._fd] = watcher

    def _control(self, watcher, interest, known):
        """Tell the kernel; a number that came to mean another file is set right."""
        events = (EPOLLIN if interest & READ else 0) | (EPOLLOUT if interest & WRITE else 0)
        if cython.compiled:
            self._control_directly(watcher, events, known)
            return 0
        first, second = (self._poll.modify, self._poll.register) if known else (self._poll.register, self._poll.modify)
        try:
            first(watcher._fd, events)
        except (FileNotFoundError, FileExistsError):
            second(watcher._fd, events)

    def _control_directly(self, watcher, events, known):
        event.events = events
        event.data.u64 = (cython.cast(ulonglong, watcher._generation) << 32) | cython.cast(uint, watcher._fd)
        operation = EPOLL_CTL_MOD if known else EPOLL_CTL_ADD
        if epoll_ctl(self._epoll_fd, operation, watcher._fd, cython.address(event)) == 0:
            return 0
        if errno == (ENOENT if known else EEXIST):
            operation = EPOLL_CTL_ADD if known else EPOLL_CTL_MOD
            if epoll_ctl(self._epoll_fd, operation, watcher._fd, cython.address(event)) == 0:
                return 0
        PyErr_SetFromErrno(OSError)

    def _wait_directly(self, milliseconds, ready):
        if milliseconds == 0:
            count = epoll_wait(self._epoll_fd, self._events, MAX_EVENTS, 0)
            error = errno
        else:
            with cython.nogil:
                count = epoll_wait(self._epoll_fd, self._events, MAX_EVENTS, milliseconds)
                error = errno
        PyErr_CheckSignals()
        if count < 0:
            if error == EINTR:
                return 0
            errno_set(error)
            PyErr_SetFromErrno(OSError)
        for i in range(count):
            tag = self._events[i].data.u64
            fd = cython.cast(cython.int, cython.cast(uint, tag))
            if fd == self._wake_in:
                self._drain()
            else:
                self._dispatch(fd, self._events[i].events, cython.cast(uint, tag >> 32), ready)
        return 0

    def _dispatch(self, fd, events, generation, ready):
        """Announce what happened to `fd`; errors and hang-ups are told to whoever is interested."""
        table = self._table
        if fd >= len(table):
            return 0
        watcher = cython.cast(Watcher, table[fd])
        if watcher is None or (cython.compiled and watcher._generation != generation):
            return 0
        happened = 0
        if events & ~EPOLLOUT:
            happened = READ
        if events & ~EPOLLIN:
            happened |= WRITE
        happened &= watcher._interest
        if happened:
            announce(watcher, happened, ready)
        return 0


def _milliseconds(timeout):
    """Rounded up; -1 for ever."""
    if timeout < 0:
        return -1
    exact = min(timeout, _LONGEST_WAIT) * 1000
    whole = int(exact)
    return whole + 1 if whole < exact else whole
