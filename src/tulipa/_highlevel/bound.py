"""What locks and queues share: the loop that they belong to, waiting in line, and ``async with``."""

import threading
from asyncio import _get_running_loop

from tulipa._core.places import PASSED


class LoopBound:
    """Something that belongs to the loop in which somebody waits for it first."""

    _loop = None
    _binding = threading.Lock()

    def _get_loop(self):
        """The running loop. Raises RuntimeError where another one came first, or none runs."""
        loop = _get_running_loop()
        if loop is not self._loop or loop is None:
            self._bind(loop)
        return loop

    def _bind(self, loop):
        if loop is None:
            raise RuntimeError(f"no running event loop: {self!r} can only be waited for by a coroutine that one runs")
        # Not by way of `__dict__`: to ask for it makes every later look at an attribute slower.
        with self._binding:  # of two threads one is the first, and the other one is told so
            if self._loop is None:
                self._loop = loop
        if self._loop is not loop:
            raise RuntimeError(
                f"{self!r} is bound to a different event loop; use one for each loop, "
                "or asyncio.run_coroutine_threadsafe() to reach the other loop"
            )


class Guard:
    """``async with`` for what has `acquire` and `release`; without a coroutine where nobody has to wait."""

    _acquires_plainly = False

    def __init_subclass__(cls):
        # A subclass with an `acquire` of its own means it.
        super().__init_subclass__()
        own = vars(cls)
        cls._acquires_plainly = "_take" in own or (cls._acquires_plainly and "acquire" not in own)

    def __aenter__(self):
        if not self._acquires_plainly:
            return self._enter()
        return PASSED if self._take() else self._wait_for_turn()

    async def _enter(self):
        await self.acquire()

    def __aexit__(self, exc_type, exc, tb):
        self.release()
        return PASSED

    def _take(self):
        """What `acquire` does, if it needs no wait; whether it did."""
        raise NotImplementedError

    async def _wait_for_turn(self):
        """What `acquire` does otherwise."""
        raise NotImplementedError


def with_state(thing, state, waiters):
    """The ``repr`` of a lock: its class, address and state, and how many wait for it."""
    if waiters:
        state = f"{state}, waiters:{len(waiters)}"
    return f"<{object.__repr__(thing)[1:-1]} [{state}]>"
