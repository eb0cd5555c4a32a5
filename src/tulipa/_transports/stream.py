"""Streams of bytes over a socket (PEP 3156, "Bidirectional Stream Transports")."""

import asyncio
import contextlib
import socket
from asyncio.trsock import TransportSocket

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._core.native import own_methods
from tulipa._transports.endpoint import SocketEndpoint
from tulipa._transports.life import describe_socket
from tulipa._transports.writing import WritingTransport

if not cython.compiled:  # compiled, the .pxd declares them
    from tulipa._core.memory import as_model
    from tulipa._transports.life import STARTS
    from tulipa._transports.reading import pause, reads, receive, resume

_NOTED = {"peername"}


class StreamTransport(WritingTransport):
    """A connected stream socket. It owns the socket from its construction on."""

    _start_tls_compatible = True
    # How asyncio's loops, too, ask a transport whether loop.sendfile() may use its socket.
    _sendfile_compatible = asyncio.constants._SendfileMode.TRY_NATIVE

    def __init__(self, loop, sock, protocol, waiter=None, extra=None, roster=None):
        endpoint = sock if type(sock) is SocketEndpoint else SocketEndpoint(sock)
        self._open(loop, endpoint, protocol, waiter, extra, roster)

    def _open(self, loop, endpoint, protocol, waiter, extra, roster):
        self._prepare(loop, endpoint, endpoint._fd, protocol, roster)
        self._prepare_writing()
        self._room_waiter = None
        if not self._note_names(extra):
            sock = endpoint.socket()
            self._extra = describe_socket(sock, extra)
            _send_without_delay(sock)
        self._soon(STARTS, waiter)
        return 0

    def _note_names(self, extra):
        """The short way for most: an internet socket is told not to delay, and asked for its names, in C.

        What get_extra_info tells has to be there from now on, whatever becomes of the connection. False for others.
        """
        if not cython.compiled or type(self._endpoint) is not SocketEndpoint:
            return False
        if extra is not None and not extra.keys() <= _NOTED:
            return False
        if not note_names(self._fd, cython.address(self._own_name), cython.address(self._peer_name)):
            return False
        send_without_delay(self._fd)
        return True

    def _describe(self):
        if cython.compiled:
            return {
                "sockname": name_of(cython.address(self._own_name)),
                "peername": name_of(cython.address(self._peer_name)),
            }

    def _describe_socket(self):
        if type(self._endpoint) is SocketEndpoint:
            self._extra["socket"] = TransportSocket(self._endpoint.socket())
        return 0

    @property
    def __class__(self):
        # asyncio's transports have slots of their own, so no compiled class can derive from them: say so.
        return asyncio.Transport

    @property
    def _sock(self):
        # Where programs that reach beneath the public names look for the socket of asyncio's transports.
        return None if self._over else getattr(self._endpoint, "_sock", None)

    def __repr__(self):
        reading = "polling" if self.is_reading() else "idle"
        writing = "polling" if self._blocked else "idle"
        return (f"<{type(self).__name__} {self._describe_state()} fd={self._fd} read={reading} "
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
        if self._eof_sent or self._sending_file:
            return 0
        self._eof_sent = True
        try:
            self._endpoint.finish()
        except OSError as exc:
            self._fatal_error(exc, "Fatal write error on transport")
        return 0

    # -- sending a file -------------------------------------------------------------------------------------

    def _begin_sendfile(self):
        """From now until `_end_sendfile` the socket is the caller's to send on; `write` raises RuntimeError.

        What was written before still has to go: see `_has_room`. Raises RuntimeError where another one sends.
        """
        if self._sending_file or self._eof_asked:
            self._refuse_write()
        self._sending_file = True

    def _end_sendfile(self):
        """Writing goes on; or ends, if that was asked for meanwhile."""
        self._sending_file = False
        self._room_waiter = None
        self._update_interest()
        if self._eof_asked and self._buffer.size == 0 and not self._lost:
            self._finish()

    def _has_room(self):
        """Whether the kernel has taken all that was written."""
        if not self._blocked:
            self._flush()
        return self._buffer.size == 0

    def _wait_for_room(self):
        """A future for the moment when all is sent and the kernel takes more; ConnectionError when it won't."""
        waiter = self._room_waiter = self._loop.create_future()
        if self._closing:
            self._tell_room(None)
        else:
            self._update_interest()
        return waiter

    def _wants_to_write(self):
        return self._blocked or self._room_waiter is not None

    def _on_writable(self):
        WritingTransport._on_writable(self)
        if not self._blocked:
            self._tell_room(None)
        return 0

    def _lose(self, exc):
        WritingTransport._lose(self, exc)
        self._tell_room(exc)
        return 0

    def _tell_room(self, exc):
        waiter = self._room_waiter
        if waiter is None:
            return 0
        self._room_waiter = None
        if not waiter.done():
            if self._closing:
                waiter.set_exception(exc or ConnectionError("Connection closed while a file was being sent"))
            else:
                waiter.set_result(None)
        self._update_interest()
        return 0


def accepted_transport(loop, endpoint, protocol, roster, peer_name):
    """Only compiled: the transport of a bare endpoint, whose peer accept() has told."""
    transport = cython.cast(StreamTransport, copy_of(_model))
    transport._peer_name = peer_name[0]
    transport._open(loop, endpoint, protocol, None, None, roster)
    return transport


own_methods(StreamTransport)
_model = as_model(StreamTransport.__new__(StreamTransport))
if cython.compiled:
    free_flatly(_model)


def _send_without_delay(sock):
    """Small pieces leave at once, as asyncio has it."""
    if sock.family in (socket.AF_INET, socket.AF_INET6) and sock.type == socket.SOCK_STREAM:
        with contextlib.suppress(OSError):  # some systems refuse it once the peer is gone
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
