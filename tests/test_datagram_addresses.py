"""Datagram transports: addresses of every kind, to which is sent and from which is received."""

import socket

import pytest
from helpers.datagrams import Echo, address, bare_socket, drain, endpoint
from helpers.running import on_loop, turns
from helpers.streams import LOOPBACK, has_ipv6

ipv6_only = pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
unix_only = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no UNIX sockets here")
linux_only = pytest.mark.skipif(not hasattr(socket, "SO_BINDTODEVICE"), reason="tells what Linux does")


@pytest.fixture(autouse=True)
def short_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@ipv6_only
@on_loop
async def test_ipv6(loop):
    async with endpoint(loop, Echo(), local_addr=("::1", 0)) as server:
        assert address(server)[0] == "::1" and len(address(server)) == 4
        async with endpoint(loop, remote_addr=address(server)[:2]) as client:
            client.transport.sendto(b"six")
            assert await client.datagrams(1) == [b"six"]
            assert client.received[0][1] == address(server)
            assert server.received[0][1] == address(client)
        async with endpoint(loop, local_addr=("::1", 0)) as client:
            client.transport.sendto(b"pair", address(server)[:2])
            client.transport.sendto(b"all four", address(server))
            assert await client.datagrams(2) == [b"pair", b"all four"]


@ipv6_only
@on_loop
async def test_addresses_are_those_of_recvfrom(loop):
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"), (socket.AF_INET6, "::")):
        async with endpoint(loop, local_addr=(host, 0), family=family) as ours:
            to = ("::1" if host == "::" else host, address(ours)[1])
            with bare_socket(family) as reference, bare_socket(family) as peer:
                for _ in range(2):
                    peer.sendto(b"x", to)
                    peer.sendto(b"x", reference.getsockname())
                    await ours.datagrams(1)
                    expected = reference.recvfrom(10)[1]
                    got = ours.received.pop()[1]
                    ours.events.remove("datagram")
                    assert got == expected and list(map(type, got)) == list(map(type, expected))


@unix_only
@on_loop
async def test_unix_paths(loop):
    async with endpoint(loop, Echo(), local_addr="server", family=socket.AF_UNIX) as server:
        async with endpoint(loop, local_addr="client", remote_addr="server", family=socket.AF_UNIX) as client:
            assert address(client) == "client" and client.transport.get_extra_info("peername") == "server"
            client.transport.sendto(b"path")
            assert await client.datagrams(1) == [b"path"]
            assert client.received[0][1] == "server" and server.received[0][1] == "client"
        async with endpoint(loop, local_addr="other", family=socket.AF_UNIX) as other:
            other.transport.sendto(b"unconnected", "server")
            other.transport.sendto(b"bytes", b"server")
            assert await other.datagrams(2) == [b"unconnected", b"bytes"]


@unix_only
@on_loop
async def test_unix_names_that_are_no_ascii(loop):
    async with endpoint(loop, Echo(), local_addr="tulipä-\udc80", family=socket.AF_UNIX) as server:
        async with endpoint(loop, local_addr="b" * 100, family=socket.AF_UNIX) as client:
            client.transport.sendto(b"x", address(server))
            await client.datagrams(1)
            assert client.received[0][1] == "tulipä-\udc80" and server.received[0][1] == "b" * 100


@linux_only
@on_loop
async def test_abstract_and_missing_names(loop):
    name = f"\0tulipa-{loop.time()}"
    async with endpoint(loop, local_addr=name, family=socket.AF_UNIX) as server:
        assert address(server) == name.encode()
        with bare_socket(socket.AF_UNIX) as peer:
            peer.sendto(b"nameless", name)
            await server.datagrams(1)
            peer.bind("")  # the kernel chooses an abstract name
            peer.sendto(b"abstract", name)
            await server.datagrams(2)
            assert [addr for _, addr in server.received] == [None, peer.getsockname()]
            assert type(peer.getsockname()) is bytes
            server.transport.sendto(b"back", peer.getsockname())
            await turns(2)
            assert drain(peer) == [b"back"]


@pytest.mark.tulipa_only  # the standard loop takes the nameless peer of a pair for none
@unix_only
@on_loop
async def test_a_pair_of_sockets(loop):
    ours, peer = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with peer:
        async with endpoint(loop, sock=ours) as protocol:
            peer.send(b"in")
            await protocol.datagrams(1)
            assert protocol.received == [(b"in", None)]
            protocol.transport.sendto(b"out")
            await turns(2)
            assert peer.recv(10) == b"out"


@on_loop
async def test_names_are_resolved_when_sending(loop):
    async with endpoint(loop) as ours:
        with bare_socket() as peer:
            port = peer.getsockname()[1]
            for number, host in enumerate((LOOPBACK, "localhost", "127.1", LOOPBACK)):
                ours.transport.sendto(b"%d" % number, (host, port))
            await turns(2)
            assert drain(peer) == [b"0", b"1", b"2", b"3"]


@on_loop
async def test_only_the_remote_address(loop):
    with bare_socket() as peer:
        async with endpoint(loop, remote_addr=peer.getsockname()) as ours:
            with pytest.raises(ValueError, match=f"None or .*{peer.getsockname()[1]}"):
                ours.transport.sendto(b"x", (LOOPBACK, 9))
            assert not ours.transport.is_closing()
            assert ours.errors == []


MISTAKES = [
    None, "text", (LOOPBACK,), (LOOPBACK, 1, 2), (LOOPBACK, 99999), (LOOPBACK, -1), (LOOPBACK, "9"), (5, 9),
    [LOOPBACK, 9], ("a\0b", 9),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=repr)
@on_loop
async def test_address_that_is_none_ends_the_endpoint(loop, loop_errors, mistake):
    async with endpoint(loop) as ours:
        ours.transport.sendto(b"x", mistake)
        error = await ours.lost()
        assert isinstance(error, (TypeError, OverflowError, ValueError))
        (context,) = loop_errors
        assert context["exception"] is error and context["transport"] is ours.transport
        loop_errors.clear()
        assert ours.errors == []
