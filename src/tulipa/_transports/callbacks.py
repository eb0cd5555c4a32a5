"""One descriptor's callbacks (add_reader, add_writer) and the tasks that wait in a sock_ call for it.

Some facts, and what follows from them:

- A driver knows one watcher for a descriptor. So: reader, writer and waiting tasks share this one.
- A task that is woken runs in the next turn, and often waits again, which is to cost no system call. So: the
  descriptor stays watched when its last waiter is woken, and the watcher stands in the queue behind the task: where
  nobody waits by then, that ends the watching.
- Somebody who waits has just seen that there was nothing. So: what was announced before is stale by then.
- A descriptor can be closed without a word, and its number be used again. So: waiting tasks name their
  socket, and another one under the same number, like a second callback, is registered from scratch.
"""

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._core import describe
from tulipa._core.places import Place
from tulipa._drivers.base import Watcher, announce

if not cython.compiled:  # compiled, the .pxd declares them
    from tulipa._core.memory import as_model
    from tulipa._core.places import send_place
    from tulipa._core.resuming import set_send
    from tulipa._drivers.base import READ, WRITE
    from tulipa._transports.socket_calls import number_of


class Expectation(Place):
    """Where a task waits for a descriptor. If it stops waiting before it is woken, the watcher is told."""

    def __init__(self, loop):
        Place.__init__(self, loop)
        self._watcher = None

    def _abandon(self):
        watcher = self._watcher
        if watcher is not None:
            self._watcher = None
            watcher.give_up(self)
        return 0


if cython.compiled:
    set_send(Expectation, send_place)

_model = as_model(Expectation.__new__(Expectation))
if cython.compiled:
    free_flatly(_model)


class CallbackWatcher(Watcher):
    """Tells a reader, a writer and waiting tasks that their descriptor is ready."""

    def __init__(self, loop, fd):
        Watcher.__init__(self, fd)
        self._driver = loop._driver
        self._ready = loop._ready
        self._sock = None
        self._reader = None
        self._writer = None
        self._reading = []
        self._writing = []
        self._spare = None

    # -- callbacks ------------------------------------------------------------------------------------------

    def set_callback(self, interest, handle):
        """Have `handle` run whenever there is READ or WRITE, instead of the one before. Raises OSError."""
        if self._interest & interest:
            self._driver.forget(self)
        self._happened &= ~interest
        self._driver.watch(self, self._wanted() | interest)
        self._put(interest, handle)

    def remove_callback(self, interest):
        """Cancel the handle for READ or WRITE; False where there is none."""
        if (self._reader if interest == READ else self._writer) is None:
            return False
        self._put(interest, None)
        self.narrow()
        return True

    def _put(self, interest, handle):
        if interest == READ:
            before = self._reader
            self._reader = handle
        else:
            before = self._writer
            self._writer = handle
        if before is not None:
            before.cancel()

    # -- waiting tasks --------------------------------------------------------------------------------------

    def expect(self, loop, sock, interest):
        """Where to wait until `sock`, which just was not ready, is.

        Raises OSError, RuntimeError on a closed loop.
        """
        if loop._closed:
            loop._check_closed()
        self._happened &= ~interest
        if self._sock is not sock:
            self._register_anew(sock)
        if not self._interest & interest:
            self._driver.watch(self, self._wanted() | interest)
        waiter = self._new_waiter(loop)
        waiter._watcher = self
        if interest == READ:
            self._reading.append(waiter)
        else:
            self._writing.append(waiter)
        return waiter

    def _new_waiter(self, loop):
        if not cython.compiled or loop._debug:
            waiter = Expectation(loop)
            if loop._debug:
                waiter._source_traceback = describe.creation_stack()
            return waiter
        # A task waits again and again. The place of last time will do, once nobody else refers to it.
        waiter = self._spare
        if waiter is None or not is_shared_by_two(waiter) or not waiter._renew():
            waiter = cython.cast(Expectation, copy_of(_model))
            waiter._live_in(loop)
            self._spare = waiter
        return waiter

    def give_up(self, waiter):
        """The task at `waiter` has stopped waiting."""
        for waiting in (self._reading, self._writing):
            if waiter in waiting:
                waiting.remove(waiter)
        # Not where a transport has taken the descriptor meanwhile, or the loop was closed.
        if self._driver.watcher_of(self._fd) is self:
            self.narrow()

    def narrow(self):
        """Watch only what somebody wants to know."""
        self._watch_if_open(self._wanted())

    def _register_anew(self, sock):
        before = self._sock
        self._driver.forget(self)
        self._sock = sock
        if before is not None and before.fileno() != self._fd:
            # Closed while tasks wait for it: let them try again and get the error.
            self._wake_everybody()

    # -- readiness ------------------------------------------------------------------------------------------

    def _fire(self):
        happened = self._take_happened()
        if self._interest & ~self._wanted():
            self.narrow()
        if happened & READ:
            self._tell(self._reader, self._reading)
        # What the reader did may have ended the interest in writing.
        if happened & WRITE & self._interest:
            self._tell(self._writer, self._writing)
        return 0

    def _tell(self, handle, waiting):
        """Wake the first of `waiting`, who leaves some for the next, and run `handle`."""
        while waiting:
            if _woken(waiting.pop(0)):
                announce(self, 0, self._ready)
                break
        if handle is not None:
            handle._run()
        return 0

    def _wanted(self):
        wanted = 0
        if self._reader is not None or self._reading:
            wanted = READ
        if self._writer is not None or self._writing:
            wanted |= WRITE
        return wanted

    def _watch_if_open(self, interest):
        try:
            self._driver.watch(self, interest)
        except OSError:
            # Closed meanwhile.
            self._driver.forget(self)
            self._wake_everybody()
        return 0

    def _wake_everybody(self):
        for waiting in (self._reading, self._writing):
            while waiting:
                _woken(waiting.pop())
        return 0


def _woken(waiter):
    """Wake the task at `waiter`, which stands in no list any more; False where it is being cancelled."""
    if waiter._done:
        return False
    waiter._watcher = None
    waiter._finish(None)
    return True


def watcher_for(loop, fd):
    """The CallbackWatcher of the descriptor `fd`, a new one where there is none yet.

    Raises RuntimeError where a transport has the descriptor.
    """
    ours = loop
    known = ours._driver.watcher_of(fd)
    if ours._transport_fds.has(fd):
        who = f"transport {known!r}" if known is not None else "a transport (not reading now)"
        raise RuntimeError(
            f"File descriptor {fd} is used by {who}; "
            "use the transport's methods, or close it and wait for connection_lost() first"
        )
    return CallbackWatcher(loop, fd) if known is None else known


def until_ready(loop, sock, interest):
    """What to await until `sock`, which was not ready just now, is. Nothing is left behind when it is cancelled.

    Raises RuntimeError on a closed loop and where a transport has the descriptor, OSError where it can't be watched.
    """
    watcher = cython.cast(CallbackWatcher, watcher_for(loop, number_of(sock)), typecheck=True)
    return watcher.expect(loop, sock, interest)


def release(loop, fd):
    """A transport takes the descriptor `fd`: stop watching it. RuntimeError where another one has it."""
    if loop._driver.watcher_of(fd) is not None or loop._transport_fds.has(fd):
        loop._driver.forget(watcher_for(loop, fd))
