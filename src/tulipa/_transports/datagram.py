"""Datagrams over a socket (PEP 3156, "Datagram Transports")."""

import asyncio
import contextlib

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._core.native import own_methods
from tulipa._transports.buffer import DatagramQueue
from tulipa._transports.datagram_endpoint import DatagramSocketEndpoint
from tulipa._transports.gathering import GatheringTransport, check_sendable
from tulipa._transports.life import describe_socket
from tulipa._transports.room import RoomWatch

if not cython.compiled:  # compiled, the .pxd declares them
    from tulipa._drivers.base import READ, WRITE
    from tulipa._transports.reading import pause, reads, resume
    from tulipa._transports.telling import report, warn_unsent


class _Kind(asyncio.Transport, asyncio.DatagramTransport):
    """What asyncio's datagram transports are instances of."""


class DatagramTransport(GatheringTransport):
    """A datagram socket, bound, connected or neither. It owns the socket from its construction on.

    `address` is the only one to send to, None for any; a socket that is connected needs none. What is sent is
    gathered and leaves, in order, at the end of the protocol callback or of the loop's turn; so errors come then. What
    the kernel refuses to take now waits, what it refuses for good is told to error_received and is gone. `endpoint` is
    the DatagramEndpoint to use, None for that of the socket.
    """

    def __init__(self, loop, sock, protocol, address=None, waiter=None, extra=None, endpoint=None):
        self._queue = DatagramQueue()
        endpoint = DatagramSocketEndpoint(sock) if endpoint is None else endpoint
        self._prepare(loop, endpoint, sock.fileno(), protocol, None)
        self._datagrams = self._endpoint
        self._prepare_gathering(self._queue)
        self._extra = describe_socket(sock, extra)
        self._address = address or None
        self._connected = self._extra["peername"] is not None
        # The peer of a UNIX socket may have no name: others can be sent to beside it.
        self._peer_only = bool(self._extra["peername"])
        self._received = None
        self._delivered = 0
        self._flushing = False
        self._family = sock.family
        self._room = None
        loop.call_soon(self._start, waiter, context=self._context)

    @property
    def __class__(self):
        # asyncio's transports have slots of their own, so no compiled class can derive from them: say so.
        return _Kind

    @property
    def _sock(self):
        # Where programs that reach beneath the public names look for the socket of asyncio's transports.
        return None if self._over else getattr(self._endpoint, "_sock", None)

    def __repr__(self):
        reading = "polling" if self.is_reading() else "idle"
        writing = "polling" if self._blocked else "idle"
        return (f"<{type(self).__name__} {self._describe_state()} fd={self._fd} read={reading} "
                f"write=<{writing}, bufsize={self._queue.size}>>")

    def _wants_to_write(self):
        return self._blocked and self._room is None

    def _on_ready(self, happened):
        self._firing = True
        try:
            if happened & READ:
                self._receive()
            if happened & WRITE and self._blocked:
                before = self._queue.count
                self._flush()
                if self._blocked and self._queue.count >= before and self._queue.first_address() is not None:
                    self._wait_for_room()
        finally:
            self._firing = False
            if self._settle_asked:
                self._on_settle()
        return 0

    # -- receiving ------------------------------------------------------------------------------------------

    def is_reading(self):
        """Whether datagrams are being given to the protocol."""
        return reads(self)

    def pause_reading(self):
        """Give no datagrams to the protocol until `resume_reading`; harmless when paused or closing."""
        pause(self)

    def resume_reading(self):
        """Give datagrams to the protocol again; harmless when it is or when closing."""
        resume(self)
        if self._received is not None:
            self._loop.call_soon(self._deliver_later, context=self._context)

    def _receive(self):
        if self._received is None:
            try:
                self._received = self._datagrams.receive_datagrams()
            except OSError as exc:
                self._tell_error(exc)
                return 0
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as exc:
                self._fatal_error(exc, "Fatal read error on datagram transport")
                return 0
        self._deliver()
        return 0

    def _deliver(self):
        """Give the protocol what was received, as long as it wants it; what is left waits for `resume_reading`."""
        try:
            self._deliver_some()
        finally:
            if self._closing or self._delivered >= len(self._received):
                self._received = None
                self._delivered = 0
            elif not self._paused:
                # Something that ends the loop was raised: the next run goes on.
                self._loop.call_soon(self._deliver_later, context=self._context)
        return 0

    def _deliver_some(self):
        received = self._received
        while self._delivered < len(received) and not (self._closing or self._paused):
            pair = received[self._delivered]
            self._delivered += 1
            try:
                self._protocol.datagram_received(pair[0], pair[1])
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as exc:
                report(self, exc, "protocol.datagram_received() failed")
        return 0

    def _deliver_later(self):
        if self._received is None:
            return
        self._firing = True
        try:
            self._deliver()
        finally:
            self._firing = False
            if self._settle_asked:
                self._on_settle()

    def _tell_error(self, exc):
        try:
            self._protocol.error_received(exc)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as problem:
            report(self, problem, "protocol.error_received() failed")
        return 0

    # -- sending --------------------------------------------------------------------------------------------

    def sendto(self, data, addr=None):
        """Send `data` (bytes, bytearray or memoryview; empty too) as a datagram to `addr`, without waiting.

        `addr` is None where there is one peer. Raises TypeError for data of another type, ValueError for an
        address other than that of the peer.
        """
        if type(data) is not bytes:
            check_sendable(data)
            data = bytes(data)
        if self._address is not None:
            if addr is not None and addr != self._address:
                raise ValueError(f"Invalid address: must be None or {self._address}; to send to others too, "
                                 "create the endpoint without remote_addr")
            addr = self._address
        if self._closing:
            self._warn_ignored()
            return
        if self._peer_only:
            addr = None
        elif addr is None and not self._connected:
            self._fatal_error(
                TypeError("sendto() needs an address: the endpoint was created without remote_addr"),
                "Fatal write error on datagram transport",
            )
            return
        self._queue.append(data, addr)
        self._after_append()

    def close(self):
        """Send what is buffered, then close; nothing more is received."""
        if self._closing:
            return
        self._closing = True
        self._received = None
        if not self._blocked:
            self._flush()
        if self._queue.count == 0:
            self._lose(None)
        elif self._state_of_loop._closed:
            warn_unsent(self, self._queue.size)
            self._force_close(None)
        else:
            self._update_interest()

    def _after_append(self):
        if not self._flushing:
            return GatheringTransport._after_append(self)
        self._pause_protocol_if_full()
        return 0

    def _flush(self):
        """Offer what is there now to the kernel; when it refuses, wait for readiness."""
        if self._lost or self._flushing or self._queue.count == 0:
            return 0
        refused = False
        self._end_waiting_for_room()
        self._flushing = True
        try:
            refused = self._offer_all()
        finally:
            self._flushing = False
            self._after_flush(refused)
        return 0

    def _offer_all(self):
        """Whether the kernel refused some. What error_received adds is not offered yet, or it might never end."""
        left = self._queue.count
        while left > 0 and not self._lost:
            try:
                taken = self._queue.offer(self._datagrams, left)
            except OSError as exc:
                self._queue.drop(1)
                left -= 1
                self._tell_error(exc)
                continue
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as exc:
                self._fatal_error(exc, "Fatal write error on datagram transport")
                return False
            if taken < 0:
                return True
            left -= taken
        return False

    def _after_flush(self, refused):
        if self._lost:
            return 0
        if refused != self._blocked:
            self._blocked = refused
            self._update_interest()
        self._resume_protocol_if_low()
        if self._queue.count == 0:
            if self._closing:
                self._lose(None)
        elif not self._blocked and not self._settle_asked:
            self._settle_asked = True
            self._loop.call_soon(self._settle_later, context=self._context)
        return 0

    def _settle_later(self):
        self._on_settle()

    def _forget_unsent(self):
        """At an abort: what was only gathered gets its one chance, what the kernel refused is dropped."""
        self._end_waiting_for_room()
        if not self._blocked and not self._flushing and self._queue.count > 0:
            with contextlib.suppress(Exception):  # an abort is no moment to complain
                self._queue.offer(self._datagrams, self._queue.count)
        self._queue.clear()
        self._received = None
        self._blocked = False
        return 0

    # -- a peer without room --------------------------------------------------------------------------------

    def _wait_for_room(self):
        """Reported as ready, and yet refused: it is a peer's queue that is full."""
        address = self._queue.first_address()
        self._room = RoomWatch(self._loop, self._family, address, self._try_again, self._context)
        self._update_interest()
        return 0

    def _end_waiting_for_room(self):
        if self._room is not None:
            room, self._room = self._room, None
            room.close()
            self._update_interest()
        return 0

    def _try_again(self):
        self._end_waiting_for_room()
        if self._blocked:
            self._flush()


own_methods(DatagramTransport)
