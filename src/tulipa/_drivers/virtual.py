"""A clock for tests: where nothing is ready it jumps to the next deadline instead of waiting.

Deterministic: the time depends on what the program asked for, never on how long it took. Descriptors are looked
at without waiting, and the clock moves only when none is ready; with no deadline at all the driver waits for real
(a thread or a peer may still have something to say). Threads and remote peers have no part in virtual time: a
deadline beside them is reached at once.
"""

from tulipa._drivers.selectors import SelectorsDriver

_COARSE = 2.0**53  # seconds, from where on a float can't tell two of them that follow each other


class VirtualDriver(SelectorsDriver):
    """Time starts at `start` seconds and moves only by jumps. Raises ValueError where floats are too coarse for it."""

    name = "virtual"

    def __init__(self, start=0.0):
        start = float(start)
        if not -_COARSE < start < _COARSE:
            raise ValueError(f"start must be between -2**53 and 2**53 seconds, or the clock stands still; got {start}")
        super().__init__()
        self._now = start

    def time(self):
        return self._now

    def wait(self, timeout, ready):
        if timeout < 0:
            super().wait(timeout, ready)
            return
        super().wait(0.0, ready)
        if timeout > 0 and not ready.has_work() and not self._woken:
            self._now += timeout
