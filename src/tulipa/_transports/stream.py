"""Streams of bytes over a socket (PEP 3156, "Bidirectional Stream Transports")."""

import asyncio
import contextlib
import socket
from asyncio.trsock import TransportSocket

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._transports.endpoint import SocketEndpoint
from tulipa._transports.writing import WritingTransport

if not cython.compiled:  # compiled, the .pxd declares them
    from tulipa._transports.reading import pause, reads, receive, resume


class StreamTransport(WritingTransport):
    """A connected stream socket. It owns the socket from its construction on."""

    def __init__(self, loop, sock, protocol, waiter=None, extra=None, server=None):
        self._prepare(loop, SocketEndpoint(sock), sock.fileno(), protocol, extra, server)
        self._prepare_writing()
        _describe_socket(sock, self._extra)
        loop.call_soon(self._start, waiter, context=self._context)

    @property
    def __class__(self):
        # asyncio's transports have slots of their own, so no compiled class can derive from them: say so.
        return asyncio.Transport

    def __repr__(self):
        state = "closed" if self._over else "closing" if self._closing else "open" if self._made else "new"
        reading = "polling" if self.is_reading() else "idle"
        writing = "polling" if self._blocked else "idle"
        return (f"<{type(self).__name__} {state} fd={self._fd} read={reading} "
                f"write=<{writing}, bufsize={self._buffer.size}>>")

    # -- reading --------------------------------------------------------------------------------------------

    def _on_readable(self):
        receive(self)
        return 0

    def is_reading(self):
        """Whether data is being given to the protocol."""
        return reads(self)

    def pause_reading(self):
        """Give no data to the protocol until `resume_reading`; harmless when paused or closing."""
        pause(self)

    def resume_reading(self):
        """Give data to the protocol again; harmless when it is or when closing."""
        resume(self)

    # -- half-closing ---------------------------------------------------------------------------------------

    def write_eof(self):
        """Half-close: the peer sees the end after what was written; reading goes on."""
        if self._closing or self._eof_asked:
            return
        self._eof_asked = True
        if self._buffer.size == 0:
            self._finish()

    def can_write_eof(self):
        """A stream socket can be half-closed: True."""
        return True

    def _finish(self):
        if self._eof_sent:
            return 0
        self._eof_sent = True
        try:
            self._endpoint.finish()
        except OSError as exc:
            self._fatal_error(exc, "Fatal write error on transport")
        return 0


def _describe_socket(sock, extra):
    """Fill in get_extra_info's answers; and send small pieces without delay, as asyncio does."""
    extra["socket"] = TransportSocket(sock)
    try:
        extra["sockname"] = sock.getsockname()
    except OSError:
        extra["sockname"] = None
    if "peername" not in extra:
        try:
            extra["peername"] = sock.getpeername()
        except OSError:
            extra["peername"] = None
    if sock.family in (socket.AF_INET, socket.AF_INET6) and sock.type == socket.SOCK_STREAM:
        with contextlib.suppress(OSError):  # some systems refuse it once the peer is gone
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
