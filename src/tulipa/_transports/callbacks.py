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

from tulipa._core.futures import Future
from tulipa._drivers.base import Watcher, announce

if not cython.compiled:  # compiled, the .pxd declares them
    from tulipa._drivers.base import READ, WRITE


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
        """A future that gets its result when `sock`, which just was not ready, is.

        Raises OSError, RuntimeError on a closed loop.
        """
        ours = loop
        if ours._closed:
            ours._check_closed()
        self._happened &= ~interest
        if self._sock is not sock:
            self._register_anew(sock)
        self._driver.watch(self, self._wanted() | interest)
        waiter = loop.create_future()
        if interest == READ:
            self._reading.append(waiter)
        else:
            self._writing.append(waiter)
        return waiter

    def give_up(self, waiter):
        """`waiter` is not needed any more, whether it has its result or not."""
        for waiting in (self._reading, self._writing):
            if waiter in waiting:
                waiting.remove(waiter)
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
            waiter = waiting[0]
            del waiting[0]
            if _woken(waiter):
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
    """Give `waiter` its result; False where it is done already."""
    if type(waiter) is Future:
        if cython.cast(Future, waiter)._done:
            return False
        cython.cast(Future, waiter)._finish(None)
    else:
        if waiter.done():
            return False
        waiter.set_result(None)
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


def release(loop, fd):
    """A transport takes the descriptor `fd`: stop watching it. RuntimeError where another one has it."""
    if loop._driver.watcher_of(fd) is not None or loop._transport_fds.has(fd):
        loop._driver.forget(watcher_for(loop, fd))
