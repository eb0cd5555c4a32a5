"""The portable driver: the standard library's selectors, wherever Python runs.

Facts relied on: `selectors.DefaultSelector` is level-triggered on every platform. Its `select` rounds a timeout
up, so it never returns early. A byte in a socket pair ends a wait from any thread and from signal handlers; a
full pair means that one is on its way already.
"""

import contextlib
import selectors
import socket
import time

from tulipa._drivers.base import READ, WRITE, Driver, announce

# A program that lets SIGPIPE kill it must not die of a wake-up that comes too late.
_NO_SIGPIPE = getattr(socket, "MSG_NOSIGNAL", 0)


class SelectorsDriver(Driver):
    """Waits by `selectors.DefaultSelector` (or the one given)."""

    name = "selectors"

    def __init__(self, selector=None):
        self._selector = selectors.DefaultSelector() if selector is None else selector
        self._watchers = {}
        self._woken = False
        self._shared = False
        self._open_wake_up()

    def _open_wake_up(self):
        try:
            self._wake_in, self._wake_out = socket.socketpair()
        except OSError:
            self._selector.close()
            raise
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self._selector.register(self._wake_in, selectors.EVENT_READ, None)

    def after_fork(self):
        if self._wake_in.fileno() >= 0:
            self._let_go()
            self._shared = True

    def _open_again(self):
        """The first need of a forked child: watch what the parent did, by a new selector of the same class."""
        self._selector = type(self._selector)()
        self._open_wake_up()
        self._shared = False
        self.wake()  # perhaps somebody did, meanwhile
        for fd, watcher in list(self._watchers.items()):
            try:
                self._selector.register(fd, _mask(watcher._interest), watcher)
            except (ValueError, OSError):
                # Closed in the child.
                self.forget(watcher)

    def time(self):
        return time.monotonic()

    def wait(self, timeout, ready):
        if self._shared:
            self._open_again()
        self._woken = False
        try:
            found = self._selector.select(None if timeout < 0 else timeout)
        except (OSError, ValueError):
            if not self._shared:
                raise
            return  # a signal handler has forked, and this is the child
        for key, happened in found:
            watcher = key.data
            if watcher is None:
                self._drain()
            else:
                announce(watcher, happened & watcher._interest, ready)

    def wake(self):
        try:
            self._wake_out.send(b"\0", _NO_SIGPIPE)
        except OSError:
            # Full: a byte is under way already. Closed: nobody waits any more.
            pass

    def wake_descriptor(self):
        return self._wake_out.fileno()

    def watch(self, watcher, interest):
        if self._shared:
            self._open_again()
        fd = watcher._fd
        if self._watchers.get(fd) is watcher and watcher._interest == interest:
            return
        # From scratch: the number may mean another file by now, of which the selector knows nothing.
        self._discard(fd)
        watcher._interest = 0
        if interest:
            self._selector.register(fd, _mask(interest), watcher)
            self._watchers[fd] = watcher
            watcher._interest = interest

    def forget(self, watcher):
        watcher._interest = 0
        if self._watchers.get(watcher._fd) is watcher:
            self._discard(watcher._fd)

    def _discard(self, fd):
        if self._watchers.pop(fd, None) is not None and not self._shared:
            with contextlib.suppress(KeyError, ValueError, OSError):  # closed already
                self._selector.unregister(fd)

    def close(self):
        self._watchers.clear()
        self._shared = False
        self._let_go()

    def _let_go(self):
        """Close our descriptors; of what a child shares with its parent, these are copies."""
        with contextlib.suppress(OSError):  # some kinds of selectors are not inherited
            self._selector.close()
        self._wake_out.close()
        self._wake_in.close()

    def watcher_of(self, fd):
        return self._watchers.get(fd)

    def watcher_count(self):
        return len(self._watchers)

    def _drain(self):
        self._woken = True
        try:
            while self._wake_in.recv(4096):
                pass
        except BlockingIOError:
            pass


def _mask(interest):
    return (selectors.EVENT_READ if interest & READ else 0) | (selectors.EVENT_WRITE if interest & WRITE else 0)
