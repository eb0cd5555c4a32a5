"""A listening socket: accepts while it is watched, pauses when the process can take no more."""

import contextvars
import errno
import os
import socket
from asyncio.trsock import TransportSocket

from tulipa._drivers.base import READ
from tulipa._ops import watch
from tulipa._transports.callbacks import watcher_for

_PAUSE = 1.0

# Errors of the one connection that is being accepted, not of the listening socket: on to the next.
_LOST_CONNECTION = {
    getattr(errno, name)
    for name in ("ECONNABORTED", "EPROTO", "ENETDOWN", "ENETUNREACH", "EHOSTDOWN", "EHOSTUNREACH")
    if hasattr(errno, name)
}


class Listener:
    """Gives each connection of `sock` to ``welcome(conn, peername)``, in a context of its own.

    It owns the socket. At most `backlog` connections are accepted in one turn.
    """

    def __init__(self, loop, sock, backlog, welcome):
        self.sock = sock
        self._loop = loop
        self._backlog = backlog
        self._welcome = welcome
        self._watcher = None
        self._accepting = False
        self._timer = None
        self._told = False
        self._kind = int(sock.family), int(sock.type), sock.proto

    def listen(self):
        """Have the kernel queue connections. Raises OSError."""
        try:
            self.sock.listen(self._backlog)
        except OSError as exc:
            where = self.sock.getsockname()
            raise OSError(exc.errno, f"cannot listen on {where!r}: {exc.strerror}") from None

    def start(self):
        """Accept from now on. Raises OSError."""
        watch.add_reader(self._loop, self.sock, self._accept)
        # Not asked for by number when it is over: the program may have closed the socket itself by then.
        self._watcher = watcher_for(self._loop, self.sock.fileno())
        self._accepting = True

    def stop(self):
        """Accept no more; what waits in the kernel's queue stays there."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        elif self._accepting:
            self._watcher.remove_callback(READ)
        self._accepting = False

    def close(self):
        """Stop, and close the socket."""
        self.stop()
        self.sock.close()

    def _accept(self):
        for _ in range(max(self._backlog, 1)):
            try:
                conn, peername = self._accept_one()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as exc:
                if exc.errno in _LOST_CONNECTION:
                    continue
                self._pause(exc)
                return
            self._told = False
            contextvars.copy_context().run(self._welcome, conn, peername)
            if not self._accepting:
                return

    def _accept_one(self):
        """As socket.accept(), which works out again each time what kind of socket it is."""
        if type(self.sock) is not socket.socket:
            return self.sock.accept()
        number, peername = self.sock._accept()
        try:
            return socket.socket(*self._kind, fileno=number), peername
        except BaseException:
            os.close(number)
            raise

    def _pause(self, error):
        """The queue stays ready though nothing can be accepted: look away for a while, not to spin."""
        self._watcher.remove_callback(READ)
        self._timer = self._loop.call_later(_PAUSE, self._resume)
        if self._told:
            return
        self._told = True
        self._loop.call_exception_handler({
            "message": f"socket.accept() failed on {self.sock.getsockname()!r}: next try in {_PAUSE:g} s; "
                       "close connections, or raise the limit of open files where that is the cause",
            "exception": error,
            "socket": TransportSocket(self.sock),
        })

    def _resume(self):
        self._timer = None
        self.start()
