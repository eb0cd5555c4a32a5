"""A listening socket: accepts while it is watched, pauses when the process can take no more."""

from asyncio.trsock import TransportSocket

from tulipa._drivers.base import READ
from tulipa._ops import watch
from tulipa._transports.callbacks import watcher_for

_PAUSE = 1.0


class Listener:
    """Has `acceptor` accept what comes, at most `backlog` connections in one turn. It owns the acceptor's socket."""

    def __init__(self, loop, acceptor, backlog):
        self.sock = acceptor.sock
        self._loop = loop
        self._acceptor = acceptor
        self._backlog = backlog
        self._watcher = None
        self._timer = None
        self._told_after = -1  # so many had been accepted when the program was told

    def listen(self):
        """Have the kernel queue connections. Raises OSError."""
        try:
            self.sock.listen(self._backlog)
        except OSError as exc:
            where = self.sock.getsockname()
            raise OSError(exc.errno, f"cannot listen on {where!r}: {exc.strerror}") from None

    def start(self):
        """Accept from now on. Raises OSError."""
        watch.add_reader(self._loop, self.sock, self._acceptor.accept, max(self._backlog, 1), self._pause)
        # Not asked for by number when it is over: the program may have closed the socket itself by then.
        self._watcher = watcher_for(self._loop, self.sock.fileno())
        self._acceptor.accepting = True

    def stop(self):
        """Accept no more; what waits in the kernel's queue stays there."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        elif self._acceptor.accepting:
            self._watcher.remove_callback(READ)
        self._acceptor.accepting = False

    def close(self):
        """Stop, and close the socket."""
        self.stop()
        self.sock.close()

    def _pause(self, error):
        """The queue stays ready though nothing can be accepted: look away for a while, not to spin."""
        self._watcher.remove_callback(READ)
        self._timer = self._loop.call_later(_PAUSE, self._resume)
        if self._told_after == self._acceptor.count:
            return
        self._told_after = self._acceptor.count
        self._loop.call_exception_handler({
            "message": f"socket.accept() failed on {self.sock.getsockname()!r}: next try in {_PAUSE:g} s; "
                       "close connections, or raise the limit of open files where that is the cause",
            "exception": error,
            "socket": TransportSocket(self.sock),
        })

    def _resume(self):
        self._timer = None
        self.start()
