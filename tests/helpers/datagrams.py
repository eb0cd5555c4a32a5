"""Datagram protocols that record what they saw, and endpoints and sockets for the tests of datagrams."""

import asyncio
import contextlib
import socket

from helpers.streams import LOOPBACK, Journal, closed


class Recorder(Journal, asyncio.DatagramProtocol):
    def __init__(self):
        super().__init__()
        self.transport = None
        self.error = None
        self.received = []
        self.errors = []

    def connection_made(self, transport):
        self.transport = transport
        self.note("made")

    def datagram_received(self, data, addr):
        assert type(data) is bytes
        self.received.append((data, addr))
        self.note("datagram")

    def error_received(self, exc):
        assert isinstance(exc, OSError)
        self.errors.append(exc)
        self.note("error")

    def pause_writing(self):
        self.note("pause")

    def resume_writing(self):
        self.note("resume")

    def connection_lost(self, exc):
        self.error = exc
        self.note("lost")

    async def datagrams(self, count):
        """The data of the first `count` datagrams, once they are there."""
        await self.saw("datagram", count)
        return [data for data, _ in self.received[:count]]

    async def lost(self):
        """The exception of connection_lost(), once it was called."""
        await self.saw("lost")
        return self.error


class Echo(Recorder):
    def datagram_received(self, data, addr):
        super().datagram_received(data, addr)
        self.transport.sendto(data, addr)


@contextlib.asynccontextmanager
async def endpoint(loop, protocol=None, **options):
    """A datagram endpoint's protocol (which has its transport), aborted at the end of the block.

    Bound to the loopback unless there are options.
    """
    protocol = Recorder() if protocol is None else protocol
    options = options or {"local_addr": (LOOPBACK, 0)}
    transport, _ = await loop.create_datagram_endpoint(lambda: protocol, **options)
    try:
        yield protocol
    finally:
        if transport.get_extra_info("socket").fileno() != -1:
            transport.abort()
        await closed(transport)


def address(protocol):
    """The address that the endpoint is bound to."""
    return protocol.transport.get_extra_info("sockname")


@contextlib.contextmanager
def bare_socket(family=socket.AF_INET, name=None):
    """A non-blocking datagram socket, bound to the loopback or to `name`; None for AF_UNIX leaves it unbound."""
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        if name is None and family != getattr(socket, "AF_UNIX", None):
            name = (LOOPBACK if family == socket.AF_INET else "::1", 0)
        if name is not None:
            sock.bind(name)
        yield sock


def drain(sock):
    """All the datagrams that the kernel holds for a socket."""
    found = []
    with contextlib.suppress(BlockingIOError):
        while True:
            found.append(sock.recv(1 << 18))
    return found


def fill(sock, *address):
    """Send small datagrams until there is no more room; how many there was room for."""
    count = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            sock.sendto(b"filler", *address) if address else sock.send(b"filler")
            count += 1
    return count
