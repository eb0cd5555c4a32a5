"""Barrier, as asyncio's of Python 3.15."""

from asyncio import BrokenBarrierError
from collections import deque

from tulipa._core.places import LoopBound, stand_in, wake_every


class _State:
    FILLING = "filling"
    DRAINING = "draining"
    RESETTING = "resetting"
    BROKEN = "broken"


class Barrier(LoopBound):
    """A place where tasks wait for each other until `parties` of them are there. Not thread-safe.

    It fills; the last one to come opens it; it drains; when all have left it fills anew. `reset` and `abort` let
    those who wait leave with BrokenBarrierError. Raises ValueError where `parties` is less than 1.
    """

    def __init__(self, parties):
        if parties < 1:
            raise ValueError(f"parties must be >= 1, not {parties!r}")
        self._parties = parties
        self._state = _State.FILLING
        self._count = 0
        self._waiters = deque()

    def __repr__(self):
        state = self._state
        if not self.broken:
            state += f", waiters:{self.n_waiting}/{self.parties}"
        return f"<{object.__repr__(self)[1:-1]} [{state}]>"

    @property
    def parties(self):
        """How many tasks it takes to open it."""
        return self._parties

    @property
    def n_waiting(self):
        """How many tasks wait for the others."""
        return self._count if self._state is _State.FILLING else 0

    @property
    def broken(self):
        """Whether `abort` was called, and `reset` not since."""
        return self._state is _State.BROKEN

    async def __aenter__(self):
        return await self.wait()

    async def __aexit__(self, *args):
        pass

    async def wait(self):
        """Wait until `parties` tasks are here; gives each of them another number, from 0 on.

        Raises BrokenBarrierError where the barrier is broken, or is aborted or reset meanwhile.
        """
        while self._state in (_State.DRAINING, _State.RESETTING):
            await stand_in(self._waiters, self)
        if self._state is _State.BROKEN:
            raise BrokenBarrierError("Barrier aborted: reset() makes it usable again")
        index = self._count
        self._count += 1
        try:
            if self._count == self._parties:
                self._change(_State.DRAINING)
                return index
            while self._state is _State.FILLING:
                await stand_in(self._waiters, self)
            if self._state is not _State.DRAINING:
                raise BrokenBarrierError("Abort or reset of barrier while waiting for the other parties")
            return index
        finally:
            self._leave()

    async def reset(self):
        """Let it fill anew; who waits gets BrokenBarrierError. A broken barrier is usable again."""
        self._change(_State.RESETTING if self._count else _State.FILLING)

    async def abort(self):
        """Break it: who waits, now or later, gets BrokenBarrierError."""
        self._change(_State.BROKEN)

    def _change(self, state):
        self._state = state
        wake_every(self._waiters)

    def _leave(self):
        self._count -= 1
        if self._count == 0 and self._state in (_State.RESETTING, _State.DRAINING):
            self._state = _State.FILLING
            if self._waiters and not self._loop.is_closed():
                wake_every(self._waiters)
