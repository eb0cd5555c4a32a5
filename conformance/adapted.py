"""What of CPython's test utilities is adapted to tulipa. All assertions stay as they are.

1. `utils.TestLoop`, the loop that many tests build on. CPython's overrides private methods of asyncio's loop to have
   the time come from a generator; ours is tulipa's loop over a driver that takes the time from the same generator. Its
   methods that note readers and writers are CPython's.
2. `mock.patch("asyncio.base_events.logger")` and the like. A test that replaces a global of one of asyncio's modules
   means the code that uses it, which for tulipa is in other modules: the patch reaches them.
3. `loop._run_once()`, with which some tests run a loop for one turn, is a method that does so by `run_forever`. Where a
   test puts its own method there, which counts and then calls the one before, that is called for each turn.
4. Private methods of asyncio's loop that only do what something of tulipa's does under another name lead there:
   `_stop_serving`, `_sock_sendfile_native`, `_check_signal`, `_handle_signal`, `_selector`, `_clock_resolution`.
5. A mock of the socket module or of a selector. A mocked socket's `fileno()` gives the number of a real one, which the
   driver needs; a mocked selector is taken for a selector.
6. `loop.call_soon = …` and `popen.kill = …`: tulipa looks for them when the loop begins to run, and not at all; here
   it does so at once, and closing a child calls a `kill` that was put in the place of Popen's.
"""

import signal
import socket
import sys
import time
import types
import weakref
from unittest import mock

import tulipa.loop
from tulipa import EventLoop, _full_mode
from tulipa._drivers.selectors import SelectorsDriver
from tulipa._ops import files, running, signals
from tulipa._transports.child import Child

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
    EventLoop.run_forever = run_forever
    EventLoop._stop_serving = stop_serving
    EventLoop._sock_sendfile_native = sock_sendfile_native
    EventLoop._check_signal = staticmethod(signals._check_signal)
    EventLoop._handle_signal = signals._deliver
    EventLoop._selector = SelectorOfDriver()
    EventLoop._clock_resolution = time.get_clock_info("monotonic").resolution
    tulipa.loop.make_driver = make_driver
    Child.send_signal = send_signal


_own_run_once = getattr(EventLoop, "_run_once", None)  # None when compiled: then only tests see the one below
_run_forever = EventLoop.run_forever
_make_driver = tulipa.loop.make_driver
_send_signal = Child.send_signal


def run_one_turn(loop):
    """What tests that step a loop by hand call."""
    if not loop.is_running():
        loop.call_soon(loop.stop)
        loop.run_forever()
    elif _own_run_once is not None:
        _own_run_once(loop)


def run_forever(loop):
    """As tulipa's, with a call of what a test has put in the place of `_run_once` for each turn."""
    turn = vars(loop).get("_run_once")
    if turn is not None and _own_run_once is None:
        wait = loop._driver.wait
        loop._driver.wait = lambda timeout, ready: (turn(), wait(timeout, ready))
    _run_forever(loop)


def stop_serving(loop, sock):
    """Let go of a socket that the loop may watch."""
    loop.remove_reader(sock)
    sock.close()


async def sock_sendfile_native(loop, sock, file, offset, count):
    """Send by the kernel or not at all, without checks of the arguments."""
    return await files._send_by_kernel(files._Socket(loop, sock), file, offset, count)


class SelectorOfDriver:
    """The selector that a loop's driver waits by, unless a test has put something else under the name."""

    def __get__(self, loop, owner):
        return loop._driver._selector


def make_driver(choice):
    """As tulipa's, and for a mocked selector."""
    return SelectorsDriver(choice) if isinstance(choice, mock.Mock) else _make_driver(choice)


def send_signal(child, number):
    """As tulipa's, but SIGKILL by a `kill` that a test has put in the place of Popen's."""
    kill = vars(child.popen).get("kill")
    if kill is not None and number == signal.SIGKILL and child.popen.returncode is None:
        kill()
    else:
        _send_signal(child, number)


# Open as long as the process lives: a loop may watch them longer than the mock is there.
_real_sockets: list = []


def give_number(module):
    """Let the sockets of a mocked socket module have the number of a real one."""
    if isinstance(module, mock.Mock):
        _real_sockets.extend(socket.socketpair())
        module.socket.return_value.fileno.return_value = _real_sockets[-1].fileno()


class Reaching(types.ModuleType):
    """A module of the façade: what is put in the place of one of its names is put there where the work is done."""

    def __setattr__(self, name, value):
        before = getattr(self, name, None)
        super().__setattr__(name, value)
        if before is None or before is value:
            return
        if name == "socket":
            give_number(value)
        for other in [*sys.modules.values(), *_full_mode._modules_before.values()]:
            if isinstance(other, types.ModuleType) and f"{other.__name__}.".startswith(("tulipa.", "asyncio.")):
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

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if name == "call_soon":
            running.notice_replaced(self)

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
