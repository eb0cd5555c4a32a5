"""Faults on purpose, for tests: endpoints and drivers that behave as badly as a kernel may.

    loop = tulipa.EventLoop(wrap_endpoint=Faults(seed=7), driver=FaultyDriver(seed=7))

A transport of this loop reads and writes in pieces, is told "not now", loses its connection. Every fault is one that
can happen: a program that works with them works on a bad day too.
"""

import collections
import errno
import os
import random
from collections.abc import Callable, Sequence
from selectors import BaseSelector
from typing import Any, Literal, TypeAlias

from tulipa._core.ready import ReadyQueue
from tulipa._drivers import make_driver
from tulipa._drivers.base import READ, WRITE, Driver, Watcher, announce
from tulipa._transports.datagram_endpoint import DatagramEndpoint
from tulipa._transports.endpoint import Endpoint

_Choose: TypeAlias = Callable[[str], int | OSError | None]
_ChooseReadiness: TypeAlias = Callable[[Watcher], Literal["late", "spurious"] | None]

RECEIVE_ERRORS = ("ECONNRESET", "ETIMEDOUT", "ENOBUFS", "EHOSTUNREACH")
SEND_ERRORS = ("EPIPE", "ECONNRESET", "ENOBUFS", "ETIMEDOUT")


class FaultyEndpoint(Endpoint):
    """Passes on to `endpoint` what ``choose(call)`` lets through.

    `call` is "receive", "send", "finish" or "close". `choose` gives None to let all of it through, a number of bytes
    to let at most so many through (0: nothing now, as after EAGAIN and EINTR), or an OSError to raise.
    """

    def __init__(self, endpoint: Endpoint, choose: _Choose) -> None:
        self._inner: Any = endpoint  # of whatever kind
        self._choose = choose

    def receive(self) -> bytes | None:
        limit = self._limit("receive")
        if limit is None:
            return self._inner.receive()
        buffer = bytearray(limit)
        size = self._inner.receive_into(buffer) if limit else -1
        return None if size < 0 else bytes(buffer[:size])

    def receive_into(self, buffer: Any) -> int:
        limit = self._limit("receive")
        if limit is None:
            return self._inner.receive_into(buffer)
        with memoryview(buffer) as whole, whole.cast("B") as view, view[:limit] as part:
            return self._inner.receive_into(part) if limit else -1

    def send(self, data: Any) -> int:
        limit = self._limit("send")
        if limit is None:
            return self._inner.send(data)
        with memoryview(data) as whole, whole[:limit] as part:
            return self._inner.send(part) if limit else -1

    def send_many(self, pieces: Sequence[bytes], offset: int) -> int:
        limit = self._limit("send")
        if limit is None:
            return self._inner.send_many(pieces, offset)
        return self._inner.send(b"".join(pieces)[offset : offset + limit]) if limit else -1

    def reader_is_gone(self) -> bool:
        """Only endpoints of pipes are asked this."""
        return self._inner.reader_is_gone()

    def has_input(self) -> bool:
        """The same."""
        return self._inner.has_input()

    def finish(self) -> None:
        self._limit("finish")
        self._inner.finish()

    def close(self) -> None:
        # The kernel takes the descriptor back even where it reports an error.
        self._inner.close()
        self._limit("close")

    def _limit(self, call: str) -> int | None:
        chosen = self._choose(call)
        if isinstance(chosen, OSError):
            raise chosen
        return chosen


class FaultyDatagramEndpoint(DatagramEndpoint, FaultyEndpoint):
    """The same for datagrams: a number is how many of them are sent; what is received is whole, or nothing now."""

    # The compiled base with the most methods comes first: an object has the table of C methods of its first base.

    def receive_datagrams(self) -> list[tuple[bytes, Any]] | None:
        return [] if self._limit("receive") == 0 else self._inner.receive_datagrams()

    def send_datagrams(self, data: Sequence[bytes], addresses: Sequence[Any], first: int, end: int) -> int:
        limit = self._limit("send")
        if limit is None:
            return self._inner.send_datagrams(data, addresses, first, end)
        return self._inner.send_datagrams(data, addresses, first, min(end, first + limit)) if limit else -1


def faulty(endpoint: Endpoint, choose: _Choose) -> FaultyEndpoint:
    """A FaultyEndpoint around `endpoint`, of the kind that it needs."""
    kind = FaultyDatagramEndpoint if isinstance(endpoint, DatagramEndpoint) else FaultyEndpoint
    return kind(endpoint, choose)


class Faults:
    """Wraps endpoints in FaultyEndpoint with faults by chance; the same ones for the same `seed` and program.

    `short`, `not_now` and `error` are shares of all calls, from 0 to 1. `counts` tells how many there were.
    """

    def __init__(
        self, seed: int | None = None, *, short: float = 0.2, not_now: float = 0.2, error: float = 0.0
    ) -> None:
        self._random = random.Random(seed)
        self._short = short
        self._not_now = not_now
        self._error = error
        self.counts: collections.Counter[str] = collections.Counter()

    def __call__(self, endpoint: Endpoint) -> FaultyEndpoint:
        return faulty(endpoint, self._choose)

    def _choose(self, call: str) -> int | OSError | None:
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

    def __init__(
        self,
        driver: str | Driver | BaseSelector | None = None,
        choose: _ChooseReadiness | None = None,
        *,
        seed: int | None = None,
        late: float = 0.1,
        spurious: float = 0.1,
    ) -> None:
        self._inner = make_driver(driver)
        self._choose = self._by_chance if choose is None else choose
        self._random = random.Random(seed)
        self._late = late
        self._spurious = spurious
        self._watchers: dict[int, Watcher] = {}

    def _by_chance(self, watcher: Watcher) -> Literal["late", "spurious"] | None:
        lot = self._random.random()
        return "late" if lot < self._late else "spurious" if lot < self._late + self._spurious else None

    def time(self) -> float:
        return self._inner.time()

    def wait(self, timeout: float, ready: ReadyQueue) -> None:
        self._inner.wait(timeout, ready)
        for watcher in self._watchers.values():
            choice = self._choose(watcher)
            if choice == "late":
                # It stands in the queue, if it does, and will find nothing to do; readiness is told again.
                watcher._happened = 0
            elif choice == "spurious":
                announce(watcher, READ | WRITE, ready)

    def wake(self) -> None:
        self._inner.wake()

    def watch(self, watcher: Watcher, interest: int) -> None:
        if interest == 0:
            self.forget(watcher)
            return
        self._inner.watch(watcher, interest)
        self._watchers[watcher._fd] = watcher

    def forget(self, watcher: Watcher) -> None:
        if self._watchers.get(watcher._fd) is watcher:
            del self._watchers[watcher._fd]
        self._inner.forget(watcher)

    def wake_descriptor(self) -> int:
        return self._inner.wake_descriptor()

    def after_fork(self) -> None:
        self._inner.after_fork()

    def close(self) -> None:
        self._watchers.clear()
        self._inner.close()

    def watcher_of(self, fd: int) -> Watcher | None:
        return self._inner.watcher_of(fd)

    def watcher_count(self) -> int:
        return self._inner.watcher_count()


def os_error(name: str) -> OSError:
    """The OSError that the kernel's `name`, such as "ECONNRESET", becomes in Python."""
    number = getattr(errno, name)
    return OSError(number, f"{os.strerror(number)} (injected)")
