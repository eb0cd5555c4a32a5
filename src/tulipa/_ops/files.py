"""sendfile and sock_sendfile: by the kernel, without copying, or by reading and writing where it can't.

A file's position is, at the end, behind what was sent, after errors and cancellation too; a file that has none
(a pipe) is read only. Facts relied on: os.sendfile takes its offset as an argument and moves no position; on a
socket that does not block it sends what fits and no more; it refuses what is no ordinary file by an error at the
first call.
"""

import asyncio
import errno
import io
import os
import socket
from asyncio.constants import _SendfileMode

from tulipa._drivers.base import WRITE
from tulipa._transports.callbacks import until_ready
from tulipa._transports.socket_calls import check_socket

# At most so many bytes are sent, or read, at a time: the loop has other things to do.
_AT_ONCE = 1 << 22
_READ_AT_ONCE = 1 << 18
_CLOSED = "Connection closed while a file was being sent"


async def sock_sendfile(loop, sock, file, offset=0, count=None, *, fallback=True):
    """Send `file` (open in binary mode) from `offset` on, `count` bytes or all; gives the number of bytes sent.

    Where the kernel can't send such a file, it is read piece by piece, or with ``fallback=False``
    asyncio.SendfileNotAvailableError is raised. Raises OSError; the file's position tells then what was sent. TypeError
    and ValueError for wrong arguments.
    """
    check_socket(loop, sock)
    _check_file(file, offset, count)
    if sock.type != socket.SOCK_STREAM:
        raise ValueError(f"only SOCK_STREAM type sockets are supported, got {sock!r}")
    way = _Socket(loop, sock)
    try:
        return await _send_by_kernel(way, file, offset, count)
    except asyncio.SendfileNotAvailableError:
        if not fallback:
            raise
    return await _send_by_reading(loop, way, file, offset, count)


async def sendfile(loop, transport, file, offset=0, count=None, *, fallback=True):
    """As `sock_sendfile`, over a transport, after all that was written to it; reading is paused meanwhile.

    Where the transport can't let the kernel do it (TLS) the file is read and written piece by piece, or with
    ``fallback=False`` RuntimeError is raised. RuntimeError too for one that is closing, or can't send files at all.
    """
    if transport.is_closing():
        raise RuntimeError("Transport is closing")
    mode = getattr(transport, "_sendfile_compatible", _SendfileMode.UNSUPPORTED)
    if mode is _SendfileMode.UNSUPPORTED:
        raise RuntimeError(f"sendfile is not supported for transport {transport!r}")
    _check_file(file, offset, count)
    if mode is _SendfileMode.TRY_NATIVE:
        try:
            return await _send_over_socket_of(transport, file, offset, count)
        except asyncio.SendfileNotAvailableError:
            if not fallback:
                raise
    elif not fallback:
        raise RuntimeError(
            f"fallback is disabled and native sendfile is not supported for transport {transport!r}; "
            "leave fallback=False out"
        )
    with _Borrowed(loop, transport) as way:
        return await _send_by_reading(loop, way, file, offset, count)


def _check_file(file, offset, count):
    if "b" not in getattr(file, "mode", "b"):
        raise ValueError(f"file should be opened in binary mode: {file!r}")
    for name, number, least, kind in (("count", count, 1, "positive"), ("offset", offset, 0, "non-negative")):
        if number is None and name == "count":
            continue
        if not isinstance(number, int):
            raise TypeError(f"{name} must be a {kind} integer (got {number!r})")
        if number < least:
            raise ValueError(f"{name} must be a {kind} integer (got {number!r})")


# -- the kernel's way -------------------------------------------------------------------------------------------


async def _send_over_socket_of(transport, file, offset, count):
    resume = transport.is_reading()
    transport._begin_sendfile()
    try:
        transport.pause_reading()
        if not transport._has_room():
            await transport._wait_for_room()
        return await _send_by_kernel(_TransportSocket(transport), file, offset, count)
    finally:
        transport._end_sendfile()
        if resume:
            transport.resume_reading()


async def _send_by_kernel(way, file, offset, count):
    fd = _number_of(file)
    sent = 0
    try:
        while count is None or sent < count:
            most = _AT_ONCE if count is None else min(_AT_ONCE, count - sent)
            target = way.fileno()
            try:
                taken = os.sendfile(target, fd, offset + sent, most)
            except (BlockingIOError, InterruptedError):
                await way.room()
                continue
            except OSError as exc:
                if exc.errno == errno.ENOTCONN:
                    raise ConnectionError(exc.errno, "socket is not connected") from exc
                if sent or isinstance(exc, ConnectionError):
                    raise
                raise asyncio.SendfileNotAvailableError("os.sendfile call failed") from exc
            if taken == 0:
                break
            sent += taken
            if sent != count:
                await asyncio.sleep(0)
    finally:
        if sent:
            _set_position(file, fd, offset + sent)
    return sent


def _number_of(file):
    """The descriptor of a file that the kernel may be able to send. Raises SendfileNotAvailableError."""
    if not hasattr(os, "sendfile"):
        raise asyncio.SendfileNotAvailableError("os.sendfile() is not available")
    try:
        fd = file.fileno()
        os.fstat(fd)
    except (AttributeError, io.UnsupportedOperation, OSError) as exc:
        raise asyncio.SendfileNotAvailableError(f"not a regular file: {file!r}") from exc
    return fd


def _set_position(file, fd, position):
    # By the object where it can: it may have read ahead.
    if hasattr(file, "seek"):
        file.seek(position)
    else:
        os.lseek(fd, position, os.SEEK_SET)


# -- by reading -------------------------------------------------------------------------------------------------


async def _send_by_reading(loop, way, file, offset, count):
    seekable = _is_seekable(file)
    if seekable or offset:
        file.seek(offset)
    sent = 0
    buffer = memoryview(bytearray(min(count or _READ_AT_ONCE, _READ_AT_ONCE)))
    try:
        while count is None or sent < count:
            view = buffer if count is None else buffer[: count - sent]
            size = await _read_into(loop, file, view, seekable)
            if not size:
                break
            if not 0 < size <= len(view):
                raise ValueError(f"readinto() of {file!r} returned {size} for a buffer of {len(view)} bytes")
            while size:
                taken = await way.send(view[:size])
                sent += taken
                view = view[taken:]
                size -= taken
    finally:
        if seekable:
            file.seek(offset + sent)
    return sent


def _is_seekable(file):
    seekable = getattr(file, "seekable", None)
    return seekable() if seekable is not None else hasattr(file, "seek")


async def _read_into(loop, file, view, seekable):
    if isinstance(file, io.BytesIO):
        return file.readinto(view)
    reading = loop.run_in_executor(None, file.readinto, view)
    if not seekable:
        return await reading
    try:
        return await asyncio.shield(reading)
    except asyncio.CancelledError:
        # The thread moves the file's position, and where it belongs is to be set after that.
        while not reading.done():
            try:
                await asyncio.wait([reading])
            except asyncio.CancelledError:
                pass
        if not reading.cancelled():
            reading.exception()
        raise


# -- the ways ---------------------------------------------------------------------------------------------------


class _Socket:
    """A bare socket to send on."""

    def __init__(self, loop, sock):
        self._loop = loop
        self._sock = sock
        self.fileno = sock.fileno

    async def room(self):
        """Return when the kernel takes more."""
        await until_ready(self._loop, self._sock, WRITE)

    async def send(self, view):
        """How many bytes of `view` the kernel took: at least one."""
        while True:
            try:
                return self._sock.send(view)
            except (BlockingIOError, InterruptedError):
                await self.room()


class _TransportSocket:
    """The socket of a transport that has lent it."""

    def __init__(self, transport):
        self._transport = transport

    def fileno(self):
        if self._transport.is_closing():
            raise ConnectionError(_CLOSED)
        return self._transport._fd

    async def room(self):
        await self._transport._wait_for_room()


class _Borrowed(asyncio.Protocol):
    """Stands in for a transport's protocol while a file is written to it: nothing is read, and it waits for room."""

    def __init__(self, loop, transport):
        self._loop = loop
        self._transport = transport
        self._waiter = None
        self._lost = False

    def __enter__(self):
        transport = self._transport
        self._protocol = transport.get_protocol()
        if isinstance(self._protocol, _Borrowed):
            raise RuntimeError("a file is being sent over this transport already: await that loop.sendfile() first")
        self._resume = transport.is_reading()
        # What the protocol knows, and what is so.
        self._told_paused = self._paused = bool(getattr(transport, "_protocol_paused", False))
        transport.pause_reading()
        transport.set_protocol(self)
        return self

    def __exit__(self, *exception):
        if self._lost:
            return
        transport = self._transport
        transport.set_protocol(self._protocol)
        if self._resume:
            transport.resume_reading()
        if self._told_paused and not self._paused:
            self._protocol.resume_writing()
        elif self._paused and not self._told_paused:
            self._protocol.pause_writing()

    async def send(self, view):
        """Write all of `view`, once there is room for it."""
        while self._paused and not self._lost:
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        if self._lost or self._transport.is_closing():
            raise ConnectionError(_CLOSED)
        self._transport.write(bytes(view))  # the memory is read into again, and a transport may keep what it gets
        return len(view)

    def pause_writing(self):
        self._paused = True

    def resume_writing(self):
        self._paused = False
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def data_received(self, data):
        raise RuntimeError("Invalid state: reading should be paused while sendfile is in progress")

    def eof_received(self):
        raise RuntimeError("Invalid state: reading should be paused while sendfile is in progress")

    def connection_lost(self, exc):
        self._lost = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(exc or ConnectionError(_CLOSED))
        self._protocol.connection_lost(exc)
