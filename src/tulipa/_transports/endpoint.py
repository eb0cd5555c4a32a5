"""Endpoints: what a transport reads from and writes to.

``receive()``
    The bytes that are there, at most `RECEIVE_LIMIT`; ``b""`` at the end; None when nothing is there now.
``receive_into(buffer)``
    Fills a writable buffer; the number of bytes, 0 at the end, -1 when nothing is there now.
``send(data)``
    Offers one bytes-like object; the number of bytes taken, -1 when none is taken now.
``send_many(pieces, offset)``
    Offers several bytes objects, the first one from `offset` on, in one call,
    at most PIECES_AT_ONCE of them; the result as of `send`.
``finish()``
    No more will be sent (half-close).
``close()``
    Gives the descriptor back; a second time it does nothing.

All raise OSError for anything but "not now". An interrupted call counts as "not now": readiness is
level-triggered, so it is told again. None ever blocks.
"""

import os
import select
import socket

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

RECEIVE_LIMIT = 262144
PIECES_AT_ONCE = 64


class Endpoint:
    """Base class of endpoints; see the contract above."""

    def receive(self):
        """Bytes, or None when there are none now."""
        raise NotImplementedError

    def receive_into(self, buffer):
        """Number of bytes put into `buffer`, -1 when there are none now."""
        raise NotImplementedError

    def send(self, data):
        """Number of bytes taken of `data`, -1 when none is taken now."""
        raise NotImplementedError

    def send_many(self, pieces, offset):
        """Number of bytes taken of `pieces` from `offset` on, -1 when none is taken now."""
        raise NotImplementedError

    def finish(self):
        """No more will be sent."""
        raise NotImplementedError

    def close(self):
        """Give the descriptor back."""
        raise NotImplementedError


class SocketEndpoint(Endpoint):
    """A connected, non-blocking stream socket, which it owns; compiled, by direct system calls.

    A connection that was accepted in C is a bare descriptor: it has no socket object until somebody asks for one.
    """

    def __init__(self, sock):
        self._sock = sock
        self._fd = sock.fileno()
        self._is_bare = False
        self._family = 0
        self._proto = 0

    def socket(self):
        """The socket object. Raises OSError where it has to be made and can't be."""
        if self._is_bare and self._sock is None:
            if self._fd >= 0:
                sock = socket.socket(self._family, socket.SOCK_STREAM, self._proto, self._fd)
                # From here on the descriptor is the object's to close.
                self._sock = sock
                self._is_bare = False
                sock.setblocking(False)
            else:
                # As closed as the connection is.
                self._sock = socket.socket(self._family, socket.SOCK_STREAM, self._proto)
                self._sock.close()
        return self._sock

    def receive(self):
        if not cython.compiled:
            try:
                return self._sock.recv(RECEIVE_LIMIT)
            except (BlockingIOError, InterruptedError):
                return None
        # One buffer for all: the GIL is kept until its bytes have been copied out, at their exact size.
        size = recv(self._fd, _shared, RECEIVE_LIMIT_C, 0)
        if size < 0:
            if _not_now():
                return None
            PyErr_SetFromErrno(OSError)
        return PyBytes_FromStringAndSize(_shared, size)

    def receive_into(self, buffer):
        if not cython.compiled:
            try:
                return self._sock.recv_into(buffer)
            except (BlockingIOError, InterruptedError):
                return -1
        PyObject_GetBuffer(buffer, cython.address(view), PyBUF_WRITABLE)
        size = recv(self._fd, view.buf, view.len, 0)
        failed = size < 0 and not _not_now()
        PyBuffer_Release(cython.address(view))
        if failed:
            PyErr_SetFromErrno(OSError)
        return size

    def send(self, data):
        if not cython.compiled:
            try:
                return self._sock.send(data)
            except (BlockingIOError, InterruptedError):
                return -1
        if type(data) is bytes:
            size = send(self._fd, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), MSG_NOSIGNAL)
            failed = size < 0 and not _not_now()
        else:
            PyObject_GetBuffer(data, cython.address(view), PyBUF_SIMPLE)
            size = send(self._fd, view.buf, view.len, MSG_NOSIGNAL)
            failed = size < 0 and not _not_now()
            PyBuffer_Release(cython.address(view))
        if failed:
            PyErr_SetFromErrno(OSError)
        return size

    def send_many(self, pieces, offset):
        if not cython.compiled:
            some = _views(pieces, offset)
            try:
                return self._sock.sendmsg(some) if hasattr(self._sock, "sendmsg") else self._sock.send(b"".join(some))
            except (BlockingIOError, InterruptedError):
                return -1
        message_clear(cython.address(message))
        message.msg_iov = vectors
        message.msg_iovlen = _fill(vectors, pieces, offset)
        size = sendmsg(self._fd, cython.address(message), MSG_NOSIGNAL)
        if size < 0 and not _not_now():
            PyErr_SetFromErrno(OSError)
        return size

    def finish(self):
        if not cython.compiled:
            self._sock.shutdown(socket.SHUT_WR)
        elif shutdown(self._fd, SHUT_WR) != 0:
            PyErr_SetFromErrno(OSError)

    def close(self):
        fd = self._fd
        self._fd = -1
        if not self._is_bare:
            self._sock.close()
        elif cython.compiled and fd >= 0:
            with cython.nogil:
                failed = close_descriptor(fd) != 0
            # As socket.close(): the peer's reset is no failure of ours.
            if failed and errno != ECONNRESET:
                PyErr_SetFromErrno(OSError)


class PipeEndpoint(Endpoint):
    """One direction of a pipe, FIFO, character device or socket; closing it closes the file object `pipe`.

    `fd` is what it reads or writes by: the file's own descriptor, or a duplicate, which it owns.
    """

    def __init__(self, pipe, fd, is_duplicate=False):
        self._pipe = pipe
        self._fd = fd
        self._is_duplicate = is_duplicate

    def receive(self):
        if not cython.compiled:
            try:
                return os.read(self._fd, RECEIVE_LIMIT)
            except (BlockingIOError, InterruptedError):
                return None
        size = read_descriptor(self._fd, _shared, RECEIVE_LIMIT_C)
        if size < 0:
            if _not_now():
                return None
            PyErr_SetFromErrno(OSError)
        return PyBytes_FromStringAndSize(_shared, size)

    def receive_into(self, buffer):
        if not cython.compiled:
            try:
                return os.readv(self._fd, [buffer])
            except (BlockingIOError, InterruptedError):
                return -1
        PyObject_GetBuffer(buffer, cython.address(view), PyBUF_WRITABLE)
        size = read_descriptor(self._fd, view.buf, view.len)
        failed = size < 0 and not _not_now()
        PyBuffer_Release(cython.address(view))
        if failed:
            PyErr_SetFromErrno(OSError)
        return size

    def send(self, data):
        if not cython.compiled:
            try:
                return os.write(self._fd, data)
            except (BlockingIOError, InterruptedError):
                return -1
        PyObject_GetBuffer(data, cython.address(view), PyBUF_SIMPLE)
        size = write_descriptor(self._fd, view.buf, view.len)
        failed = size < 0 and not _not_now()
        PyBuffer_Release(cython.address(view))
        if failed:
            PyErr_SetFromErrno(OSError)
        return size

    def send_many(self, pieces, offset):
        if not cython.compiled:
            try:
                return os.writev(self._fd, _views(pieces, offset))
            except (BlockingIOError, InterruptedError):
                return -1
        size = writev(self._fd, vectors, _fill(vectors, pieces, offset))
        if size < 0 and not _not_now():
            PyErr_SetFromErrno(OSError)
        return size

    def reader_is_gone(self):
        """Whether nobody can read any more what is written here."""
        # Errors and hang-ups are told unasked: that is a pipe whose readers are gone, or a UNIX socket's peer.
        return self._poll(getattr(select, "POLLRDHUP", 0))

    def has_input(self):
        """Whether something could be read here."""
        return self._poll(select.POLLIN)

    def _poll(self, events):
        poll = select.poll()
        poll.register(self._fd, events)
        return bool(poll.poll(0))

    def close(self):
        fd = self._fd
        self._fd = -1
        if self._is_duplicate and fd >= 0:
            os.close(fd)
        self._pipe.close()


def bare_endpoint(fd, family, proto):
    """Only compiled: the SocketEndpoint of a descriptor without a socket object, which it owns from now on."""
    endpoint = SocketEndpoint.__new__(SocketEndpoint)
    endpoint._sock = None
    endpoint._fd = fd
    endpoint._is_bare = True
    endpoint._family = family
    endpoint._proto = proto
    return endpoint


def _views(pieces, offset):
    return [memoryview(pieces[0])[offset:], *pieces[1:]]


def _fill(vectors, pieces, offset):
    """Point the C array `vectors` to the pieces; how many they are."""
    for i in range(len(pieces)):
        skipped = offset if i == 0 else 0
        vectors[i].iov_base = PyBytes_AS_STRING(pieces[i]) + skipped
        vectors[i].iov_len = PyBytes_GET_SIZE(pieces[i]) - skipped
    return len(pieces)


def _not_now():
    """Whether the last system call failed only because it would have had to wait."""
    return errno == EAGAIN or errno == EINTR
