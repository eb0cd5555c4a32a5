"""Faults on purpose, for tests: endpoints and drivers that behave as badly as a kernel may.

    loop = tulipa.EventLoop(wrap_endpoint=Faults(seed=7), driver=FaultyDriver(seed=7))

A transport of this loop reads and writes in pieces, is told "not now", loses its connection. Every fault is one that
can happen: a program that works with them works on a bad day too.
"""

import collections
import errno
import os
import random

from tulipa._core.ready import ReadyQueue
from tulipa._drivers import make_driver
from tulipa._drivers.base import READ, WRITE, Driver, Watcher, announce
from tulipa._transports.datagram_endpoint import DatagramEndpoint
from tulipa._transports.endpoint import Endpoint

RECEIVE_ERRORS = ("ECONNRESET", "ETIMEDOUT", "ENOBUFS", "EHOSTUNREACH")
SEND_ERRORS = ("EPIPE", "ECONNRESET", "ENOBUFS", "ETIMEDOUT")


class FaultyEndpoint(Endpoint):
    """Passes on to `endpoint` what ``choose(call)`` lets through.

    `call` is "receive", "send", "finish" or "close". `choose` gives None to let all of it through, a number of bytes
    to let at most so many through (0: nothing now, as after EAGAIN and EINTR), or an OSError to raise.
    """

    def __init__(self, endpoint, choose):
        self._inner = endpoint
        self._choose = choose

    def receive(self):
        limit = self._limit("receive")
        if limit is None:
            return self._inner.receive()
        buffer = bytearray(limit)
        size = self._inner.receive_into(buffer) if limit else -1
        return None if size < 0 else bytes(buffer[:size])

    def receive_into(self, buffer):
        limit = self._limit("receive")
        if limit is None:
            return self._inner.receive_into(buffer)
        with memoryview(buffer) as whole, whole.cast("B") as view, view[:limit] as part:
            return self._inner.receive_into(part) if limit else -1

    def send(self, data):
        limit = self._limit("send")
        if limit is None:
            return self._inner.send(data)
        with memoryview(data) as whole, whole[:limit] as part:
            return self._inner.send(part) if limit else -1

    def send_many(self, pieces, offset):
        limit = self._limit("send")
        if limit is None:
            return self._inner.send_many(pieces, offset)
        return self._inner.send(b"".join(pieces)[offset : offset + limit]) if limit else -1

    def reader_is_gone(self):
        """Only endpoints of pipes are asked this."""
        return self._inner.reader_is_gone()

    def has_input(self):
        """The same."""
        return self._inner.has_input()

    def finish(self):
        self._limit("finish")
        self._inner.finish()

    def close(self):
        # The kernel takes the descriptor back even where it reports an error.
        self._inner.close()
        self._limit("close")

    def _limit(self, call):
        chosen = self._choose(call)
        if isinstance(chosen, OSError):
            raise chosen
        return chosen


class FaultyDatagramEndpoint(DatagramEndpoint, FaultyEndpoint):
    """The same for datagrams: a number is how many of them are sent; what is received is whole, or nothing now."""

    # The compiled base with the most methods comes first: an object has the table of C methods of its first base.

    def receive_datagrams(self):
        return [] if self._limit("receive") == 0 else self._inner.receive_datagrams()

    def send_datagrams(self, data, addresses, first, end):
        limit = self._limit("send")
        if limit is None:
            return self._inner.send_datagrams(data, addresses, first, end)
        return self._inner.send_datagrams(data, addresses, first, min(end, first + limit)) if limit else -1


def faulty(endpoint, choose):
    """A FaultyEndpoint around `endpoint`, of the kind that it needs."""
    kind = FaultyDatagramEndpoint if isinstance(endpoint, DatagramEndpoint) else FaultyEndpoint
    return kind(endpoint, choose)


class Faults:
    """Wraps endpoints in FaultyEndpoint with faults by chance; the same ones for the same `seed` and program.

    `short`, `not_now` and `error` are shares of all calls, from 0 to 1. `counts` tells how many there were.
    """

    def __init__(self, seed=None, *, short=0.2, not_now=0.2, error=0.0):
        self._random = random.Random(seed)
        self._short = short
        self._not_now = not_now
        self._error = error
        self.counts = collections.Counter()

    def __call__(self, endpoint):
        return faulty(endpoint, self._choose)

    def _choose(self, call):
        self.counts["calls"] += 1
        lot = self._random.random()
        if call in ("finish", "close"):
            return None
        if lot < self._error:
            self.counts["errors"] += 1
            return os_error(self._random.choice(RECEIVE_ERRORS if call == "receive" else SEND_ERRORS))
        if lot < self._error + self._not_now:
            self.counts["not now"] += 1
            return 0
        if lot < self._error + self._not_now + self._short:
            self.counts["short"] += 1
            return self._random.choice((1, 2, 7, 100, 1000, 10_000))
        return None


class FaultyDriver(Driver):
    """Waits by `driver` (a Driver or its name), but tells of readiness as badly as the contract allows.

    ``choose(watcher)`` is asked for each watcher after each wait: "late" leaves its readiness to a later wait,
    "spurious" reports all that it is interested in though nothing may have happened, None tells the truth. Without
    `choose` it is done by chance: `late` and `spurious` are shares of all waits, the same for the same `seed` and
    program.
    """

    name = "faulty"

    def __init__(self, driver=None, choose=None, *, seed=None, late=0.1, spurious=0.1):
        self._inner = make_driver(driver)
        self._choose = self._by_chance if choose is None else choose
        self._random = random.Random(seed)
        self._late = late
        self._spurious = spurious
        self._watchers = {}

    def _by_chance(self, watcher):
        lot = self._random.random()
        return "late" if lot < self._late else "spurious" if lot < self._late + self._spurious else None

    def time(self):
        return self._inner.time()

    def wait(self, timeout, ready: ReadyQueue):
        self._inner.wait(timeout, ready)
        for watcher in self._watchers.values():
            choice = self._choose(watcher)
            if choice == "late":
                # It stands in the queue, if it does, and will find nothing to do; readiness is told again.
                watcher._happened = 0
            elif choice == "spurious":
                announce(watcher, READ | WRITE, ready)

    def wake(self):
        self._inner.wake()

    def watch(self, watcher: Watcher, interest):
        if interest == 0:
            self.forget(watcher)
            return
        self._inner.watch(watcher, interest)
        self._watchers[watcher._fd] = watcher

    def forget(self, watcher):
        if self._watchers.get(watcher._fd) is watcher:
            del self._watchers[watcher._fd]
        self._inner.forget(watcher)

    def wake_descriptor(self):
        return self._inner.wake_descriptor()

    def after_fork(self):
        self._inner.after_fork()

    def close(self):
        self._watchers.clear()
        self._inner.close()

    def watcher_of(self, fd):
        return self._inner.watcher_of(fd)

    def watcher_count(self):
        return self._inner.watcher_count()


def os_error(name):
    """The OSError that the kernel's `name`, such as "ECONNRESET", becomes in Python."""
    number = getattr(errno, name)
    return OSError(number, f"{os.strerror(number)} (injected)")
