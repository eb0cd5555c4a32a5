"""From a listening socket to transports: one system call for each connection that waits, and no socket object."""

import errno as errors
import socket

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._transports.callbacks import release
from tulipa._transports.stream import StreamTransport

if not cython.compiled:  # compiled, the .pxd declares them
    from tulipa._core.contexts import current_context

# Errors of the one connection that is being accepted, not of the listening socket: on to the next.
_LOST_CONNECTION = {
    getattr(errors, name)
    for name in ("ECONNABORTED", "EPROTO", "ENETDOWN", "ENETUNREACH", "EHOSTDOWN", "EHOSTUNREACH")
    if hasattr(errors, name)
}


class Acceptor:
    """Accepts the connections of `sock`, and makes a protocol and a transport for each, in a context of its own.

    ``layer(loop, protocol)`` makes what is to be between a transport and its protocol, such as TLS; None for nothing.
    `clients` are the server's.
    """

    def __init__(self, loop, sock, protocol_factory, layer, clients):
        self.sock = sock
        self._fileno = sock.fileno
        self.accepting = False
        self.count = 0
        self._loop = loop
        self._state_of_loop = loop
        self._driver = loop._driver
        self._protocol_factory = protocol_factory
        self._layer = layer
        self._clients = clients
        # Whoever brings a socket of his own making may have an accept() of his own, too.
        self._is_plain = type(sock) is socket.socket and sock.family in (socket.AF_INET, socket.AF_INET6)
        self._family = sock.family if self._is_plain else 0
        self._proto = sock.proto if self._is_plain else 0

    def accept(self, most, refused):
        """Accept what waits, at most `most` connections, while `accepting`.

        `count` is how many were accepted so far. ``refused(exc)`` is called with an OSError where no more can be had.
        """
        while most > 0 and self.accepting:
            most -= 1
            try:
                found = self._accept_bare() if cython.compiled and self._is_plain else self._accept_socket()
            except OSError as exc:
                if exc.errno not in _LOST_CONNECTION:
                    refused(exc)
                    return
                continue
            if not found:
                return

    def _accept_socket(self):
        """False when nobody waits."""
        try:
            conn, peername = self.sock.accept()
        except (BlockingIOError, InterruptedError):
            return False
        self.count += 1
        self._welcome_in_context(conn, {"peername": peername})
        return True

    def _accept_bare(self):
        """The same in C."""
        fd = accept_connection(self._fileno(), cython.address(self._peer))
        if fd < 0:
            if errno == EAGAIN or errno == EINTR:
                return False
            PyErr_SetFromErrno(OSError)
        self.count += 1
        self._welcome_in_context(bare_endpoint(fd, self._family, self._proto), None)
        return True

    def _welcome_in_context(self, conn, extra):
        context = current_context()
        if not cython.compiled:
            context.run(self._welcome, conn, extra)
            return 0
        PyContext_Enter(context)
        try:
            self._welcome(conn, extra)
        finally:
            PyContext_Exit(context)
        return 0

    def _welcome(self, conn, extra):
        """Make a transport of `conn`, a socket or a bare endpoint, which is closed where that fails."""
        # The factory may close the server: its last client is this one, then.
        self._clients.coming = True
        try:
            if extra is not None:
                conn.setblocking(False)
                release(self._loop, conn.fileno())
            else:
                self._release_number(conn)
            protocol = self._protocol_factory()
            layer = None
            if self._layer is not None:
                protocol = layer = self._layer(self._loop, protocol)
            if extra is None:
                transport = accepted_transport(
                    self._loop, conn, protocol, self._clients, cython.address(self._peer)
                )
            else:
                transport = StreamTransport(self._loop, conn, protocol, None, extra, self._clients)
            if layer is not None:
                layer.attach(transport)
        except BaseException as exc:
            conn.close()
            if isinstance(exc, (SystemExit, KeyboardInterrupt)):
                raise
            peername = extra["peername"] if extra is not None else self._peer_name()
            self._loop.call_exception_handler({
                "message": f"the connection from {peername!r} is closed: its protocol could not be made",
                "exception": exc,
            })
        finally:
            self._clients.coming = False
            self._clients.tell_if_none()
        return 0

    def _release_number(self, endpoint):
        """Whoever watched the same number before has closed it without a word."""
        if self._driver.watcher_of(endpoint._fd) is not None or self._state_of_loop._transport_fds.has(endpoint._fd):
            release(self._loop, endpoint._fd)
        return 0

    def _peer_name(self):
        if cython.compiled:
            return name_of(cython.address(self._peer))
