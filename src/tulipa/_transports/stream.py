"""Streams of bytes over a socket (PEP 3156, "Bidirectional Stream Transports")."""

import asyncio
import contextlib
import socket
from asyncio.log import logger
from asyncio.trsock import TransportSocket

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._transports.base import Transport
from tulipa._transports.buffer import WriteBuffer
from tulipa._transports.endpoint import SocketEndpoint

if not cython.compiled:  # compiled, the .pxd declares them
    from tulipa._drivers.base import READ, WRITE

_IGNORED_WRITES_TO_WARN = 5
_WORTH_NO_COPY = 16384


class StreamTransport(Transport):
    """A connected stream socket. It owns the socket from its construction on.

    Writes are gathered and leave at the end of the protocol callback that made them, or of the loop's turn: one
    system call for all, at once where the high-water mark would be passed. What the kernel refuses waits.
    """

    def __init__(self, loop, sock, protocol, waiter=None, extra=None, server=None):
        self._prepare(loop, SocketEndpoint(sock), sock.fileno(), protocol, extra, server)
        self._buffer = WriteBuffer()
        self._paused = False
        self._eof_read = False
        self._eof_asked = False
        self._eof_sent = False
        self._blocked = False
        self._firing = False
        self._settle_asked = False
        self._protocol_paused = False
        self._ignored_writes = 0
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

    def _start(self, waiter):
        """The first event: connection_made, then reading, then whoever waits for the connection."""
        try:
            if not self._lost:
                self._made = True
                self._protocol.connection_made(self)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self._report(exc, "protocol.connection_made() failed")
        finally:
            self._update_interest()
            if waiter is not None and not waiter.done():
                waiter.set_result(None)

    def _update_interest(self):
        """Ask the driver for what we can use now."""
        if self._lost:
            return 0
        interest = 0
        if self._made and not (self._closing or self._paused or self._eof_read):
            interest = READ
        if self._blocked:
            interest |= WRITE
        if interest != self._interest:
            try:
                self._driver.watch(self, interest)
            except OSError as exc:
                self._fatal_error(exc, "Fatal error: the socket can't be watched")
        return 0

    def _on_ready(self, happened):
        self._firing = True
        try:
            if happened & READ:
                if self._is_buffered:
                    self._receive_into_protocol()
                else:
                    self._receive()
            if happened & WRITE and self._blocked:
                self._flush()
        finally:
            self._firing = False
            if self._settle_asked:
                self._on_settle()
        return 0

    # -- reading --------------------------------------------------------------------------------------------

    def is_reading(self):
        """Whether data is being given to the protocol."""
        return not self._closing and not self._paused

    def pause_reading(self):
        """Give no data to the protocol until `resume_reading`; harmless when paused or closing."""
        if not self.is_reading():
            return
        self._paused = True
        self._update_interest()

    def resume_reading(self):
        """Give data to the protocol again; harmless when it is or when closing."""
        if self._closing or not self._paused:
            return
        self._paused = False
        self._update_interest()

    def _receive(self):
        try:
            data = self._endpoint.receive()
        except OSError as exc:
            self._fatal_error(exc, "Fatal read error on socket transport")
            return 0
        if data is None:
            return 0
        if not data:
            self._receive_eof()
            return 0
        try:
            self._protocol.data_received(data)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self._fatal_error(exc, "Fatal error: protocol.data_received() call failed.")
        return 0

    def _receive_into_protocol(self):
        try:
            buffer = self._protocol.get_buffer(-1)
            if not len(buffer):
                raise RuntimeError("get_buffer() returned an empty buffer; it must have room for a byte at least")
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self._fatal_error(exc, "Fatal error: protocol.get_buffer() call failed.")
            return 0
        try:
            size = self._endpoint.receive_into(buffer)
        except OSError as exc:
            self._fatal_error(exc, "Fatal read error on socket transport")
            return 0
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self._fatal_error(exc, "Fatal error: protocol.get_buffer() gave no writable buffer.")
            return 0
        if size < 0:
            return 0
        if size == 0:
            self._receive_eof()
            return 0
        try:
            self._protocol.buffer_updated(size)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self._fatal_error(exc, "Fatal error: protocol.buffer_updated() call failed.")
        return 0

    def _receive_eof(self):
        """The peer sends no more: close, unless the protocol wants to go on writing."""
        self._eof_read = True
        try:
            keep_open = self._protocol.eof_received()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self._fatal_error(exc, "Fatal error: protocol.eof_received() call failed.")
            return 0
        if keep_open:
            self._update_interest()
        else:
            self.close()
        return 0

    # -- writing --------------------------------------------------------------------------------------------

    def write(self, data):
        """Send `data` (bytes, bytearray or memoryview) without waiting for it."""
        if type(data) is not bytes:
            _check_sendable(data)
        if self._eof_asked:
            raise RuntimeError("Cannot call write() after write_eof()")
        if not data:
            return
        if self._closing:
            self._warn_ignored()
            return
        self._take(data)

    def writelines(self, list_of_data):
        """Send every piece of `list_of_data`, in order and together; nothing of it where a piece is refused."""
        pieces = list(list_of_data)
        for data in pieces:
            _check_sendable(data)
        for data in pieces:
            self.write(data)

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

    def get_write_buffer_size(self):
        """How many bytes the kernel has not taken."""
        if self._settle_asked and not self._blocked:
            self._flush()
        return self._buffer.size

    def get_write_buffer_limits(self):
        """(low, high), in bytes."""
        return self._buffer.low, self._buffer.high

    def set_write_buffer_limits(self, high=None, low=None):
        """Above `high` bytes the protocol is asked to pause writing, at `low` or less to resume. ValueError."""
        self._buffer.set_limits(high, low)
        if self._settle_asked and not self._blocked:
            self._flush()
        self._pause_protocol_if_full()

    def close(self):
        """Send what is buffered, then close; no more data is received."""
        if self._closing:
            return
        self._closing = True
        if self._buffer.size == 0:
            self._lose(None)
        else:
            self._update_interest()

    def _take(self, data):
        if type(data) is bytes:
            self._buffer.append(data)
        elif len(data) < _WORTH_NO_COPY or self._blocked or self._buffer.size > 0:
            self._buffer.append(bytes(data))
        else:
            self._offer_large(data)
            if self._lost or self._buffer.size == 0:
                return 0
        self._after_append()
        return 0

    def _offer_large(self, data):
        """Memory that may change after the call: what the kernel takes at once is never copied."""
        # Let go of at the end: an error that is kept must not keep the memory locked.
        with memoryview(data) as whole, _as_bytes(whole) as view:
            try:
                taken = max(self._endpoint.send(view), 0)
            except OSError as exc:
                self._fatal_error(exc, "Fatal write error on socket transport")
                return 0
            with view[taken:] as left:
                rest = bytes(left)
        if rest:
            self._buffer.append(rest)
            self._blocked = True
            self._update_interest()
        return 0

    def _after_append(self):
        """Send now if the buffer is too full, else when the callback or the turn ends."""
        if not self._blocked:
            if self._buffer.size > self._buffer.high:
                self._flush()
            elif not self._settle_asked:
                self._settle_asked = True
                if not self._firing:
                    self._state_of_loop.at_end_of_turn(self)
        self._pause_protocol_if_full()
        return 0

    def _on_settle(self):
        asked = self._settle_asked
        self._settle_asked = False
        if asked and not self._blocked:
            self._flush()
        return 0

    def _flush(self):
        """Offer the buffer to the kernel; when it refuses, wait for readiness."""
        if self._lost or self._buffer.size == 0:
            return 0
        try:
            while self._buffer.size > 0 and self._buffer.offer(self._endpoint):
                pass
        except OSError as exc:
            self._fatal_error(exc, "Fatal write error on socket transport")
            return 0
        if self._buffer.size > 0:
            self._blocked = True
            self._update_interest()
            self._resume_protocol_if_low()
            return 0
        if self._blocked:
            self._blocked = False
            self._update_interest()
        self._resume_protocol_if_low()
        if self._buffer.size > 0:
            # The protocol wrote more when it was resumed.
            return 0
        if self._closing:
            self._lose(None)
        elif self._eof_asked:
            self._finish()
        return 0

    def _finish(self):
        if self._eof_sent:
            return 0
        self._eof_sent = True
        try:
            self._endpoint.finish()
        except OSError as exc:
            self._fatal_error(exc, "Fatal write error on socket transport")
        return 0

    def _forget_unsent(self):
        """At an abort: what was only gathered gets its one chance, what the kernel refused is dropped."""
        if self._settle_asked and not self._blocked and self._buffer.size > 0:
            try:
                self._buffer.offer(self._endpoint)
            except OSError:
                # The connection is gone, which is what an abort is for.
                pass
        self._buffer.clear()
        self._blocked = False
        return 0

    def _warn_ignored(self):
        self._ignored_writes += 1
        if self._ignored_writes == _IGNORED_WRITES_TO_WARN:
            logger.warning("writing to %r, which is closed: check is_closing(), or await drain()", self)
        return 0

    # -- back-pressure --------------------------------------------------------------------------------------

    def _pause_protocol_if_full(self):
        if self._protocol_paused or self._buffer.size <= self._buffer.high:
            return 0
        self._protocol_paused = True
        try:
            self._protocol.pause_writing()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self._report(exc, "protocol.pause_writing() failed")
        return 0

    def _resume_protocol_if_low(self):
        if not self._protocol_paused or self._buffer.size > self._buffer.low:
            return 0
        self._protocol_paused = False
        try:
            self._protocol.resume_writing()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self._report(exc, "protocol.resume_writing() failed")
        return 0


def _check_sendable(data):
    if not isinstance(data, (bytes, bytearray, memoryview)):
        hint = "; encode it first: write(text.encode())" if isinstance(data, str) else ""
        raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}{hint}")


def _as_bytes(view):
    return view.cast("B") if view.c_contiguous else memoryview(bytes(view))


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
