"""The low-level socket calls: each tries at once, and waits for readiness only where it has to.

It is the calling task itself that receives, sends or accepts once it is woken. So a task that is cancelled
before has taken nothing, and what the kernel holds is still there for the next.
"""

import asyncio
import errno
import itertools
import os
import socket

from tulipa._drivers.base import READ, WRITE
from tulipa._ops.resolve import ensure_resolved
from tulipa._transports.callbacks import release, until_ready
from tulipa._transports.room import RETRY, open_probe
from tulipa._transports.socket_calls import check_socket, receive, receive_into, send, send_all

# An interrupted connect goes on by itself; EWOULDBLOCK is Windows' EINPROGRESS.
_IN_PROGRESS = {errno.EINPROGRESS, errno.EINTR, errno.EWOULDBLOCK} - {errno.EAGAIN}
_FIRST_RETRY = 0.001
_LAST_RETRY = 0.1


async def sock_recv(loop, sock, n):
    """Receive at most `n` bytes; ``b""`` at the end of the stream. Raises OSError."""
    while (data := receive(loop, sock, n)) is None:
        await until_ready(loop, sock, READ)
    return data


async def sock_recv_into(loop, sock, buf):
    """Receive into the writable buffer `buf`; gives the number of bytes, 0 at the end. Raises OSError."""
    check_socket(loop, sock)
    while (size := receive_into(sock, buf)) < 0:
        await until_ready(loop, sock, READ)
    return size


async def sock_recvfrom(loop, sock, bufsize):
    """Receive a datagram of at most `bufsize` bytes; gives (data, address). Raises OSError."""
    check_socket(loop, sock)
    try:
        return sock.recvfrom(bufsize)
    except BlockingIOError:
        pass
    return await _when_ready(loop, sock, READ, sock.recvfrom, bufsize)


async def sock_recvfrom_into(loop, sock, buf, nbytes=0):
    """Receive a datagram of at most `nbytes` (0: all that fits) into `buf`; gives (size, address)."""
    check_socket(loop, sock)
    try:
        return sock.recvfrom_into(buf, nbytes)
    except BlockingIOError:
        pass
    return await _when_ready(loop, sock, READ, sock.recvfrom_into, buf, nbytes)


async def sock_sendall(loop, sock, data):
    """Send all of `data`. Raises OSError; then, or when cancelled, nobody knows how much of it was sent."""
    sent = send_all(loop, sock, data)
    if sent is None:
        return
    sent = max(sent, 0)
    with memoryview(data) as view, view.cast("B") as rest:
        while sent < len(rest):
            await until_ready(loop, sock, WRITE)
            with rest[sent:] as piece:
                sent += max(send(sock, piece), 0)


async def sock_sendto(loop, sock, data, address):
    """Send one datagram to `address`; gives the number of bytes. Raises OSError."""
    check_socket(loop, sock)
    try:
        return sock.sendto(data, address)
    except BlockingIOError:
        pass
    if sock.family == getattr(socket, "AF_UNIX", None) and sock.type == socket.SOCK_DGRAM:
        return await _sendto_when_room(loop, sock, data, address)
    # Looked up each time: a socket's stand-in may have changed its mind.
    return await _when_ready(loop, sock, WRITE, lambda: sock.sendto(data, address))


async def sock_accept(loop, sock):
    """Accept a connection; gives (a non-blocking socket, the peer's address). Raises OSError."""
    check_socket(loop, sock)
    try:
        return _accept(sock)
    except BlockingIOError:
        pass
    return await _when_ready(loop, sock, READ, _accept, sock)


async def sock_connect(loop, sock, address):
    """Connect to `address`, whose host is resolved if it is a name. Raises OSError, with the address."""
    check_socket(loop, sock)
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        entries = await ensure_resolved(loop, address, family=sock.family, type=sock.type, proto=sock.proto)
        address = entries[0][4]
    pause = _FIRST_RETRY
    error = _connect(sock, address)
    while error == errno.EAGAIN and sock.family == getattr(socket, "AF_UNIX", None):
        # The server's queue is full, and no readiness tells when it has room; a blocking call would wait.
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LAST_RETRY)
        error = _connect(sock, address)
    if error in _IN_PROGRESS:
        error = await _when_ready(loop, sock, WRITE, sock.getsockopt, socket.SOL_SOCKET, socket.SO_ERROR)
    if error:
        raise OSError(error, f"{os.strerror(error)} (connecting to {address!r})")


def _connect(sock, address):
    """Begin to connect; gives an error's number, or 0. By the method that stand-ins for sockets have."""
    try:
        sock.connect(address)
    except OSError as exc:
        if exc.errno is None:
            raise
        return exc.errno
    return 0


def _accept(sock):
    conn, address = sock.accept()
    conn.setblocking(False)
    return conn, address


async def _when_ready(loop, sock, interest, operation, *args):
    """``operation(*args)``, once `sock` is ready for it; it must have found just now that it isn't.

    Nothing is left behind when it is cancelled. Raises what the operation raises.
    """
    while True:
        await until_ready(loop, sock, interest)
        try:
            return operation(*args)
        except BlockingIOError:
            # Somebody else was faster.
            pass


async def _sendto_when_room(loop, sock, data, address):
    """Either the socket's own buffer is full or the peer's queue, of which only a probe can tell."""
    probe = open_probe(sock.family, address)
    try:
        for one in itertools.cycle((sock, probe)):
            if one is not None:
                await until_ready(loop, one, WRITE)
            else:
                await asyncio.sleep(RETRY)
            try:
                return sock.sendto(data, address)
            except BlockingIOError:
                pass
    finally:
        if probe is not None:
            release(loop, probe.fileno())
            probe.close()
