"""The contract between the scheduler and whatever waits for the outside world.

A driver waits for readiness or a moment, can be woken, and tells the time. Six methods that each driver has:

``time()``
    Seconds of a clock that never goes back.

``wait(timeout, ready)``
    Before: called by the loop's own thread only. `timeout` in seconds: 0 looks without waiting, negative waits
    for ever. After: each watcher that has become ready stands in `ready` once, with the bits in its `_happened`;
    it returns at the latest when `timeout` has passed (never before, unless something happened), when `wake` was
    called since the last wait began, or when a signal came. Python's signal handlers have run; what they raise,
    it raises.

``wake()``
    From any thread and from signal handlers: the present `wait`, or else the next one, returns at once.

``watch(watcher, interest)``
    From now on `watcher` is told of READ, WRITE or both; 0 is none. Before: the descriptor is open, and no
    other watcher is known for it. Raises OSError where the kernel can't watch it (a regular file: EPERM), and
    the watcher is then as unknown as before.

``forget(watcher)``
    Before its descriptor is closed. After: it is never put into `ready` again; harmless for one that is not known.

``close()``
    Gives back what the driver itself opened; a second time it does nothing.

Two more, for what the process shares with others; the base class has answers for drivers without descriptors:

``wake_descriptor()``
    A descriptor into which a single byte may be written to the same effect as `wake`, by a signal's C handler; -1
    where there is none, or not now.

``after_fork()``
    In a forked child, before anything else there. After: nothing that the driver does reaches the parent, whose
    kernel objects it no longer has. It goes on working, with objects of its own as soon as it needs some.

Readiness is level-triggered: what is not consumed is told again. A watcher that has been put into the queue may
have lost its interest by the time it fires, so `_fire` looks at `_interest & _happened`.
"""

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._core.ready import Link

if not cython.compiled:  # compiled, the .pxd declares them
    READ = 1
    WRITE = 2


class Watcher(Link):
    """Something that wants to know when its descriptor is ready."""

    def __init__(self, fd):
        Link.__init__(self)
        self._watch_init(fd)

    def _watch_init(self, fd):
        self._fd = fd
        self._interest = 0
        self._happened = 0
        self._generation = 0

    def fileno(self):
        """The descriptor, -1 when there is none any more."""
        return self._fd

    def _take_happened(self):
        """The bits to act on now; called once when fired."""
        happened = self._happened & self._interest
        self._happened = 0
        return happened


class Driver:
    """Base class of drivers; see the contract above."""

    name = "abstract"

    def time(self):
        """Seconds of the driver's clock."""
        raise NotImplementedError

    def wait(self, timeout, ready):
        """Put what becomes ready within `timeout` seconds into `ready`."""
        raise NotImplementedError

    def wake(self):
        """Make the present or next `wait` return."""
        raise NotImplementedError

    def watch(self, watcher, interest):
        """Tell `watcher` of `interest` from now on."""
        raise NotImplementedError

    def forget(self, watcher):
        """Never mention `watcher` again."""
        raise NotImplementedError

    def close(self):
        """Give back what the driver opened."""
        raise NotImplementedError

    def wake_descriptor(self):
        """Where a byte wakes the driver; -1 for nowhere."""
        return -1

    def after_fork(self):
        """In a forked child: let go of what is shared with the parent."""

    def watcher_of(self, fd):
        """The watcher known for descriptor `fd`, or None."""
        raise NotImplementedError

    def watcher_count(self):
        """How many watchers have an interest."""
        raise NotImplementedError


def announce(watcher, events, ready):
    """Put `watcher` into `ready` with `events`, once."""
    watcher._happened |= events
    if not ready.holds(watcher):
        ready.push(watcher)
