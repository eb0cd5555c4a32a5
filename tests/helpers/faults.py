"""Faults for endpoints and drivers, as Hypothesis chooses them: a finite list each, after which all goes well."""

import collections
import os

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

# FAULT_EXAMPLES=2000 looks longer, and shows what it finds as it was found: making it shorter takes minutes.
_examples = os.environ.get("FAULT_EXAMPLES")
profile = settings(
    deadline=None,
    max_examples=int(_examples or 40),
    phases=(Phase.generate,) if _examples else tuple(Phase),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# What one call of an endpoint does: all, at most so many bytes, nothing now.
_harmless = st.sampled_from([None, None, 0, 0, 1, 2, 3, 10, 1000, 20_000])
_errors = st.sampled_from(["ECONNRESET", "EPIPE", "ENOBUFS", "ETIMEDOUT", "ENETDOWN", "EIO"])

endpoint_faults = st.lists(_harmless, max_size=30)
fatal_faults = st.builds(lambda before, error: [*before, error], endpoint_faults, _errors)
driver_faults = st.lists(st.sampled_from([None, None, "late", "spurious"]), max_size=40)


class Script:
    """What the calls of one endpoint do, one after the other; a name such as "EPIPE" is an error to raise.

    `raised` has (error, what `state()` was then).
    """

    def __init__(self, verdicts=(), state=lambda: None, close=None):
        self._verdicts = collections.deque(verdicts)
        self._state = state
        self._close = close
        self.raised = []

    def __call__(self, call):
        if call == "close":
            return None if self._close is None else self._error(self._close)
        verdict = self._verdicts.popleft() if self._verdicts else None
        return self._error(verdict) if isinstance(verdict, str) else verdict

    def _error(self, name):
        from tulipa.testing import os_error

        error = os_error(name)
        self.raised.append((error, self._state()))
        return error


class Injected:
    """The faults of one loop.

    `scripts` are for the endpoints made from now on, one each; endpoints beyond them have no faults. `waits` says
    what the driver does with each watcher in each wait; `wait_count` counts the waits.
    """

    def __init__(self):
        self.scripts = collections.deque()
        self.waits = collections.deque()
        self.wait_count = 0

    def wrap(self, endpoint):
        from tulipa.testing import faulty

        return faulty(endpoint, self.scripts.popleft()) if self.scripts else endpoint

    def readiness(self, watcher):
        return self.waits.popleft() if self.waits else None
