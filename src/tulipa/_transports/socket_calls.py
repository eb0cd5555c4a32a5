"""A socket object's calls, in C and without an exception for "not now": it would cost more than the call itself.

Sockets of a subclass, and whatever else behaves like a socket, are asked by their own methods.
"""

import socket

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

if not cython.compiled:  # compiled, the .pxd declares them
    from tulipa._transports.endpoint import RECEIVE_LIMIT

    RECEIVE_LIMIT_C = RECEIVE_LIMIT

# Looked up once, not for each call.
_Socket = socket.socket
_number_of = socket.socket.fileno


def receive(sock, size):
    """As ``sock.recv(size)``; None where there is nothing now."""
    if (
        not cython.compiled
        or type(sock) is not _Socket
        or type(size) is not int
        or not 0 < size < RECEIVE_LIMIT_C
    ):
        try:
            return sock.recv(size)
        except (BlockingIOError, InterruptedError):
            return None
    limit = size
    taken = recv(_number_of(sock), _shared, limit, MSG_DONTWAIT)
    if taken < 0:
        if errno == EAGAIN or errno == EINTR:
            return None
        PyErr_SetFromErrno(OSError)
    return PyBytes_FromStringAndSize(_shared, taken)


def receive_into(sock, buffer):
    """As ``sock.recv_into(buffer)``; -1 where there is nothing now."""
    if not cython.compiled or type(sock) is not _Socket:
        try:
            return sock.recv_into(buffer)
        except (BlockingIOError, InterruptedError):
            return -1
    try:
        PyObject_GetBuffer(buffer, cython.address(view), PyBUF_WRITABLE)
    except (BufferError, TypeError):
        return sock.recv_into(buffer)  # which raises what a socket raises
    if view.len == 0:
        PyBuffer_Release(cython.address(view))
        return sock.recv_into(buffer)
    taken = recv(_number_of(sock), view.buf, view.len, MSG_DONTWAIT)
    failed = taken < 0 and errno != EAGAIN and errno != EINTR
    PyBuffer_Release(cython.address(view))
    if failed:
        PyErr_SetFromErrno(OSError)
    return taken


def send(sock, data):
    """As ``sock.send(data)``; -1 where nothing is taken now."""
    if not cython.compiled or type(sock) is not _Socket or type(data) is not bytes:
        try:
            return sock.send(data)
        except (BlockingIOError, InterruptedError):
            return -1
    taken = send_bytes(_number_of(sock), PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), MSG_DONTWAIT | MSG_NOSIGNAL)
    if taken < 0:
        if errno == EAGAIN or errno == EINTR:
            return -1
        PyErr_SetFromErrno(OSError)
    return taken
