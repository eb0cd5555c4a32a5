"""A socket object's calls, in C and without an exception for "not now": it would cost more than the call itself.

Sockets of a subclass, and whatever else behaves like a socket, are asked by their own methods.
"""

import socket
import sys

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

if not cython.compiled:  # compiled, the .pxd declares them
    from tulipa._transports.endpoint import RECEIVE_LIMIT

    RECEIVE_LIMIT_C = RECEIVE_LIMIT

# Looked up once, not for each call.
_Socket = socket.socket
_fileno = socket.socket.fileno


def check_not_tls_socket(sock):
    """Raises TypeError for an SSLSocket, which does its TLS itself and may block."""
    ssl = sys.modules.get("ssl")
    if ssl is not None and isinstance(sock, ssl.SSLSocket):
        raise TypeError("Socket cannot be of type SSLSocket; give the plain socket")


def check_socket(loop, sock):
    """TypeError for an SSLSocket; in debug mode ValueError for a socket that blocks."""
    if type(sock) is not _Socket:
        check_not_tls_socket(sock)
    if loop._debug and sock.gettimeout() != 0:
        raise ValueError("the socket must be non-blocking; call sock.setblocking(False) first")


def number_of(sock):
    """``sock.fileno()``."""
    if not cython.compiled or type(sock) is not _Socket:
        return sock.fileno()
    return call_method(_fileno, sock, cython.NULL)


def receive(loop, sock, size):
    """As ``sock.recv(size)``, after `check_socket`; None where there is nothing now."""
    if loop._debug or type(sock) is not _Socket:
        check_socket(loop, sock)
    if cython.compiled and type(sock) is _Socket and type(size) is int:
        beyond = 0
        limit = PyLong_AsLongAndOverflow(size, cython.address(beyond))
        if 0 < limit < RECEIVE_LIMIT_C:
            taken = recv(number_of(sock), _shared, limit, MSG_DONTWAIT)
            if taken < 0:
                if errno == EAGAIN or errno == EINTR:
                    return None
                PyErr_SetFromErrno(OSError)
            return bytes_of(_shared, taken)
    try:
        return sock.recv(size)
    except (BlockingIOError, InterruptedError):
        return None


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
    try:
        taken = recv(number_of(sock), view.buf, view.len, MSG_DONTWAIT)
        if taken < 0 and errno != EAGAIN and errno != EINTR:
            PyErr_SetFromErrno(OSError)
    finally:
        PyBuffer_Release(cython.address(view))  # which may run code that sets errno
    return taken


def send(sock, data):
    """As ``sock.send(data)``; -1 where nothing is taken now."""
    if not cython.compiled or type(sock) is not _Socket or type(data) is not bytes:
        try:
            return sock.send(data)
        except (BlockingIOError, InterruptedError):
            return -1
    taken = send_bytes(number_of(sock), PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), MSG_DONTWAIT | MSG_NOSIGNAL)
    if taken < 0:
        if errno == EAGAIN or errno == EINTR:
            return -1
        PyErr_SetFromErrno(OSError)
    return taken


def send_all(loop, sock, data):
    """As `send`, after `check_socket`; None where all of it was taken, as far as that is sure at once."""
    if loop._debug or type(sock) is not _Socket:
        check_socket(loop, sock)
    taken = send(sock, data)
    if type(data) is bytes and taken == len(data):
        return None
    return taken
