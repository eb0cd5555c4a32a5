"""Endpoints of datagrams: beside what every endpoint has (`close`),

``receive_datagrams()``
    A list of (data, address), as of socket.recvfrom, of at most some dozens; empty when none is there now.
``send_datagrams(data, addresses, first, end)``
    Offers the datagrams from number `first` on and before `end` of two lists, bytes objects and their addresses,
    None for the peer's; how many were taken, -1 when none is taken now. What the first one meets is raised.

Compiled on Linux, one `recvmmsg` or `sendmmsg` does it for IPv4, IPv6 and UNIX sockets, `recvfrom` or `sendto` for
one that is alone; otherwise it is one datagram a call, by the `socket` module. Facts relied on: calls for batches
stop before the first datagram that meets an error, unless it is the first of all. `recvmmsg` keeps that error for
the next call. To `sendmmsg` a datagram's own error happens again; that of an earlier one (ICMP, on a connected
socket) does not, and the datagram goes out: of several such errors some may be missed, not the last, which is told
when there is nothing left to send.
"""

import socket

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._transports.endpoint import RECEIVE_LIMIT, Endpoint


class DatagramEndpoint(Endpoint):
    """Base class of endpoints of datagrams; see the contract above."""

    def receive_datagrams(self):
        """A list of (data, address), empty when none is there now."""
        raise NotImplementedError

    def send_datagrams(self, data, addresses, first, end):
        """Number of datagrams taken, -1 when none is taken now."""
        raise NotImplementedError


class DatagramSocketEndpoint(DatagramEndpoint):
    """A non-blocking datagram socket, which it owns."""

    def __init__(self, sock):
        self._sock = sock
        self._fd = sock.fileno()
        self._family = sock.family
        self._direct = False
        self._alone = 0
        if cython.compiled:
            self._direct = BATCHES and self._family in (AF_INET, AF_INET6, AF_UNIX)

    def receive_datagrams(self):
        if not self._direct:
            try:
                return [self._sock.recvfrom(RECEIVE_LIMIT)]
            except (BlockingIOError, InterruptedError):
                return []
        # Of the families only UNIX has datagrams above 64 KiB.
        step = SLOTS_OF_LARGE if self._family == AF_UNIX else 1
        slots = BATCH // step
        if self._alone > ALONE and self._alone % ALONE != 0:
            # They come one by one. Room for a batch and looking for a second one is work, which is done now and then.
            slots = 1
        memset(messages, 0, slots * cython.sizeof(message))
        for i in range(slots):
            vectors[i].iov_base = cython.address(_space[i * step * SLOT])
            vectors[i].iov_len = 65536 * step
            messages[i].msg_hdr.msg_iov = cython.address(vectors[i])
            messages[i].msg_hdr.msg_iovlen = 1
            messages[i].msg_hdr.msg_name = cython.address(raw[i])
            messages[i].msg_hdr.msg_namelen = cython.sizeof(any_address) - 1
        count = receive_messages(self._fd, messages, slots)
        if count < 0:
            if _not_now():
                return []
            PyErr_SetFromErrno(OSError)
        self._alone = self._alone + 1 if count == 1 else 0
        # One space for all endpoints: nothing that could let other code run comes before all is copied out of it.
        for i in range(count):
            copies[i] = new_reference(
                PyBytes_FromStringAndSize(cython.address(_space[i * step * SLOT]), messages[i].msg_len)
            )
        received = []
        for i in range(count):
            data = cython.cast(object, copies[i])
            Py_DECREF(copies[i])
            received.append((data, address_of(cython.address(raw[i]), messages[i].msg_hdr.msg_namelen)))
        return received

    def send_datagrams(self, data, addresses, first, end):
        if not self._direct:
            return self._send_one(data[first], addresses[first])
        count = min(end - first, BATCH)
        memset(messages, 0, count * cython.sizeof(message))
        for i in range(count):
            address = addresses[first + i]
            if address is not None:
                size = pack_address(address, self._family, cython.address(raw[i]))
                if size == 0:
                    # A name, or a mistake: the socket module knows what to do.
                    if i == 0:
                        return self._send_one(data[first], address)
                    count = i
                    break
                messages[i].msg_hdr.msg_name = cython.address(raw[i])
                messages[i].msg_hdr.msg_namelen = size
            vectors[i].iov_base = PyBytes_AS_STRING(data[first + i])
            vectors[i].iov_len = PyBytes_GET_SIZE(data[first + i])
            messages[i].msg_hdr.msg_iov = cython.address(vectors[i])
            messages[i].msg_hdr.msg_iovlen = 1
        sent = send_messages(self._fd, messages, count)
        if sent < 0 and not _not_now():
            PyErr_SetFromErrno(OSError)
        return sent

    def _send_one(self, data, address):
        try:
            if address is None:
                self._sock.send(data)
            else:
                self._sock.sendto(data, address)
        except (BlockingIOError, InterruptedError):
            return -1
        return 1

    def finish(self):
        self._sock.shutdown(socket.SHUT_WR)

    def close(self):
        self._fd = -1
        self._sock.close()


def _not_now():
    """Whether the last system call failed only because it would have had to wait."""
    return errno == EAGAIN or errno == EINTR
