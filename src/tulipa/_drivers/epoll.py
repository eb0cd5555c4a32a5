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

_LONGEST_WAIT = 86400.0


class EpollDriver(Driver):
    """Waits by epoll; woken by an eventfd."""

    name = "epoll"

    def __init__(self):
        self._poll = select.epoll()
        self._epoll_fd = self._poll.fileno()
        self._table = []
        self._generation = 0
        self._count = 0
        self._wake_fd = -1
        try:
            self._wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
            self._poll.register(self._wake_fd, select.EPOLLIN)
        except OSError:
            self.close()
            raise

    def time(self):
        if not cython.compiled:
            return time.monotonic()
        clock_gettime(CLOCK_MONOTONIC, cython.address(now))
        return now.tv_sec + now.tv_nsec * 1e-9

    def wait(self, timeout, ready):
        if cython.compiled:
            self._wait_directly(_milliseconds(timeout), ready)
            return
        for fd, events in self._poll.poll(_milliseconds(timeout) / 1000 if timeout >= 0 else None):
            if fd == self._wake_fd:
                os.eventfd_read(fd)
            else:
                self._dispatch(fd, events, 0, ready)

    def wake(self):
        with contextlib.suppress(OSError, ValueError):  # closed: nobody waits any more
            os.eventfd_write(self._wake_fd, 1)

    def watch(self, watcher, interest):
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
        try:
            self._poll.unregister(watcher._fd)
        except OSError:
            # Closed already, which took it out of the set.
            pass

    def close(self):
        self._table = []
        self._count = 0
        self._poll.close()
        self._epoll_fd = -1
        # Forgotten before it is closed: `wake` in another thread must not meet its number in new hands.
        number, self._wake_fd = self._wake_fd, -1
        if number >= 0:
            os.close(number)

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
        events = (select.EPOLLIN if interest & READ else 0) | (select.EPOLLOUT if interest & WRITE else 0)
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
            if fd == self._wake_fd:
                eventfd_read(fd, cython.address(self._wakes))
            else:
                self._dispatch(fd, self._events[i].events, cython.cast(uint, tag >> 32), ready)
        return 0

    def _dispatch(self, fd, events, generation, ready):
        """Announce what happened to `fd`; errors and hang-ups are told to whoever is interested."""
        watcher = cython.cast(Watcher, self._table[fd]) if fd < len(self._table) else None
        if watcher is None or (cython.compiled and watcher._generation != generation):
            return 0
        happened = 0
        if events & ~4:  # anything but EPOLLOUT
            happened = READ
        if events & ~1:  # anything but EPOLLIN
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
