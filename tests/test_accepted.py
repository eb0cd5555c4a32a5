"""Connections that a server has accepted: their socket object, which is made when it is asked for, and their names."""

import asyncio
import socket

import pytest
from helpers.accounting import open_descriptors
from helpers.running import on_loop
from helpers.streams import LOOPBACK, Factory, Recorder, address, has_ipv6, nothing_left, serving

ADDRESSES = [LOOPBACK, pytest.param("::1", marks=pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here"))]


class Accepted:
    """A client's socket, and the protocol of the server's end."""

    def __init__(self, loop, host=LOOPBACK, **options):
        self._factory = Factory()
        self._loop = loop
        self._host = host
        self._options = options

    async def __aenter__(self):
        self.server = await self._loop.create_server(self._factory, self._host, 0, **self._options)
        self.client = socket.create_connection(self.server.sockets[0].getsockname()[:2])
        self.protocol = await self._factory.connected()
        self.transport = self.protocol.transport
        return self

    async def __aexit__(self, *_):
        self.transport.close()
        await self.protocol.lost()
        self.client.close()
        self.server.close()
        await self.server.wait_closed()


@pytest.mark.parametrize("host", ADDRESSES)
@on_loop
async def test_socket(loop, host):
    async with nothing_left(loop), Accepted(loop, host) as made:
        sock = made.transport.get_extra_info("socket")
        listener = made.server.sockets[0]
        assert isinstance(sock, asyncio.trsock.TransportSocket)
        assert made.transport.get_extra_info("socket") is sock
        assert (sock.family, sock.type, sock.proto) == (listener.family, listener.type, listener.proto)
        assert sock.getpeername() == made.client.getsockname()
        assert sock.getsockname() == made.client.getpeername()
        assert sock.gettimeout() == 0
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize("host", ADDRESSES)
@on_loop
async def test_names(loop, host):
    async with nothing_left(loop), Accepted(loop, host) as made:
        assert made.transport.get_extra_info("peername") == made.client.getsockname()
        assert made.transport.get_extra_info("sockname") == made.client.getpeername()
        assert made.transport.get_extra_info("nothing", "default") == "default"


@pytest.mark.parametrize("asked", ["never", "while open"])
@on_loop
async def test_after_the_end(loop, asked):
    async with nothing_left(loop):
        async with Accepted(loop) as made:
            names = made.client.getsockname(), made.client.getpeername()
            if asked == "while open":
                made.transport.get_extra_info("socket")
            made.transport.abort()
            await made.protocol.lost()
        sock = made.transport.get_extra_info("socket")
        assert sock.fileno() == -1
        assert sock.family == socket.AF_INET
        with pytest.raises(OSError):
            sock.getpeername()
        assert made.transport.get_extra_info("socket") is sock
        told = made.transport.get_extra_info("peername"), made.transport.get_extra_info("sockname")
        assert told == names


@on_loop
async def test_asked_in_connection_lost(loop):
    found = []

    class Asking(Recorder):
        def connection_lost(self, exc):
            sock = self.transport.get_extra_info("socket")
            found.append((sock.fileno() >= 0, sock.getpeername()))
            super().connection_lost(exc)

    factory = Factory(Asking)
    async with nothing_left(loop), serving(loop, factory) as server:
        with socket.create_connection(address(server)) as client:
            protocol = await factory.connected()
            name = client.getsockname()
        await protocol.lost()
        assert found == [(True, name)]


@on_loop
async def test_descriptor_is_closed_once_whoever_asked(loop):
    """One that was asked for its socket and one that was not: each gives back one descriptor."""
    for ask in (False, True):
        async with Accepted(loop) as made:
            before = open_descriptors()
            if ask:
                made.transport.get_extra_info("socket")
                assert open_descriptors() == before
            made.transport.close()
            await made.protocol.lost()
            assert len(before) - len(open_descriptors()) == 1


@on_loop
async def test_default_timeout_is_not_for_them(loop):
    socket.setdefaulttimeout(5)
    try:
        async with nothing_left(loop), Accepted(loop) as made:
            assert made.transport.get_extra_info("socket").gettimeout() == 0
            made.client.sendall(b"x" * 10)
            assert await made.protocol.received(10) == b"x" * 10
    finally:
        socket.setdefaulttimeout(None)


@on_loop
async def test_many_at_once(loop):
    """All that wait are accepted, each with its own names."""
    factory = Factory()
    async with nothing_left(loop), serving(loop, factory) as server:
        clients = [socket.create_connection(address(server)) for _ in range(20)]
        for index in range(20):
            await factory.connected(index)
        told = {protocol.transport.get_extra_info("peername") for protocol in factory.made}
        assert told == {client.getsockname() for client in clients}
        for client in clients:
            client.close()
        for protocol in factory.made:
            await protocol.lost()


@pytest.mark.tulipa_only  # the standard loop tells of it in debug mode only
@on_loop
async def test_a_failing_factory_closes_the_connection(loop, loop_errors):
    def fail():
        raise RuntimeError("no protocol today")

    async with nothing_left(loop):
        server = await loop.create_server(fail, LOOPBACK, 0)
        with socket.create_connection(address(server)) as client:
            client.setblocking(False)
            assert await loop.sock_recv(client, 1) == b""
        server.close()
        await server.wait_closed()
    (context,) = loop_errors
    loop_errors.clear()
    assert "no protocol today" in str(context["exception"])


@on_loop
async def test_closed_before_it_was_accepted(loop):
    """The client has sent and gone by the time of accept()."""
    factory = Factory()
    async with nothing_left(loop):
        server = await loop.create_server(factory, LOOPBACK, 0, start_serving=False)
        server.sockets[0]._sock.listen(5)
        with socket.create_connection(address(server)) as client:
            client.sendall(b"last words")
            name = client.getsockname()
        await server.start_serving()
        protocol = await factory.connected()
        await protocol.lost()
        assert bytes(protocol.data) == b"last words"
        assert protocol.transport.get_extra_info("peername") == name
        server.close()
        await server.wait_closed()
