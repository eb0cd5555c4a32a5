"""What of CPython's test utilities is adapted to tulipa. All assertions stay as they are.

1. `utils.TestLoop`, the loop that many tests build on. CPython's overrides private methods of asyncio's loop to have
   the time come from a generator; ours is tulipa's loop over a driver that takes the time from the same generator. Its
   methods that note readers and writers are CPython's.
2. `mock.patch("asyncio.base_events.logger")` and the like. A test that replaces a global of one of asyncio's modules
   means the code that uses it, which for tulipa is in other modules: the patch reaches them.
3. `loop._run_once()`, with which some tests run a loop for one turn, is a method that does so by `run_forever`.
"""

import sys
import types
import weakref

from tulipa import EventLoop, _full_mode
from tulipa._drivers.selectors import SelectorsDriver

# Modules whose code does what that of asyncio's module does.
FACADE = "tulipa.asyncio"


def adapt():
    """Before the tests are imported."""
    for name, module in list(sys.modules.items()):
        if name.startswith(f"{FACADE}.") and module.__name__ == name:
            module.__class__ = Reaching
    from test.test_asyncio import utils

    for name, value in vars(utils.TestLoop).items():
        if "reader" in name or "writer" in name or name in ("reset_counters", "_ensure_fd_no_transport"):
            setattr(TestLoop, name, value)
    utils.TestLoop = TestLoop
    EventLoop._run_once = run_one_turn


_own_run_once = getattr(EventLoop, "_run_once", None)  # None when compiled: then only tests see the one above


def run_one_turn(loop):
    """What tests that step a loop by hand call."""
    if loop.is_running():
        return _own_run_once(loop)
    loop.call_soon(loop.stop)
    loop.run_forever()


class Reaching(types.ModuleType):
    """A module of the façade: what is put in the place of one of its names is put there where the work is done."""

    def __setattr__(self, name, value):
        before = getattr(self, name, None)
        super().__setattr__(name, value)
        if before is None or before is value:
            return
        for other in [*sys.modules.values(), *_full_mode._modules_before.values()]:
            if isinstance(other, types.ModuleType) and other.__name__.startswith(("tulipa.", "asyncio.")):
                if not isinstance(other, Reaching) and vars(other).get(name) is before:
                    setattr(other, name, value)


class ScriptedDriver(SelectorsDriver):
    """Looks without waiting; between two turns the time moves as the generator says, for each new timer."""

    def __init__(self, gen):
        super().__init__()
        self._gen = gen
        self._now = 0.0
        self.new_timers = []
        self.begun = False

    def time(self):
        return self._now

    def wait(self, timeout, ready):
        if self.begun:
            self.turn_over()
        self.begun = True
        super().wait(0.0, ready)

    def turn_over(self):
        """Tell the generator of the timers that were made."""
        for when in self.new_timers:
            self._now += self._gen.send(when) or 0
        self.new_timers = []


def _nothing():
    yield


class TestLoop(EventLoop):
    """utils.TestLoop for tulipa: the time is what a generator says."""

    __test__ = False

    def __init__(self, gen=None):
        self._check_on_close = gen is not None
        self._gen = (gen or _nothing)()
        next(self._gen)
        self._script = ScriptedDriver(self._gen)
        super().__init__(self._script)
        # For transports of CPython's own, which are tested over readers and writers that are only noted.
        self.readers, self.writers = {}, {}
        self._transports = weakref.WeakValueDictionary()
        self.reset_counters()

    def run_forever(self):
        self._script.begun = False
        try:
            super().run_forever()
        finally:
            self._script.turn_over()

    def advance_time(self, advance):
        """Move the time forward."""
        if advance:
            self._script._now += advance

    def call_later(self, delay, callback, *args, context=None):
        timer = super().call_later(delay, callback, *args, context=context)
        self._script.new_timers.append(timer.when())
        return timer

    def call_at(self, when, callback, *args, context=None):
        timer = super().call_at(when, callback, *args, context=context)
        self._script.new_timers.append(when)
        return timer

    def close(self):
        super().close()
        if self._check_on_close:
            try:
                self._gen.send(0)
            except StopIteration:
                pass
            else:
                raise AssertionError("Time generator is not finished")
