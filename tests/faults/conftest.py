"""Loops of tulipa whose transports and drivers fail as a test says."""

import pytest
from helpers.accounting import LoopAudit
from helpers.cases import drivers, tulipa
from helpers.faults import Injected


@pytest.fixture
def injected():
    """What the loop's endpoints and driver are to do; see `Injected`."""
    return Injected()


@pytest.fixture(params=drivers())
def loop(request, injected, loop_errors):
    """A fresh loop with faults; after the test nothing may be left of what ran on it."""
    from tulipa.testing import FaultyDriver

    audit = LoopAudit()
    class CountingDriver(FaultyDriver):
        def wait(self, timeout, ready):
            injected.wait_count += 1
            FaultyDriver.wait(self, timeout, ready)

    driver = CountingDriver(request.param, injected.readiness)
    loop = tulipa.EventLoop(driver, wrap_endpoint=injected.wrap)
    audit.watch(loop)
    loop.set_exception_handler(lambda _, context: loop_errors.append(context))
    yield loop
    complaints = audit.finish()
    complaints += [f"the exception handler got {context!r}" for context in loop_errors]
    assert not complaints, "\n".join(complaints)
