"""create_datagram_endpoint: what it makes of its arguments, and what it leaves when it fails or is cancelled."""

import asyncio
import os
import socket

import pytest
from helpers.datagrams import Echo, Recorder, address, bare_socket, drain, endpoint
from helpers.running import on_loop, turns
from helpers.streams import LOOPBACK, has_ipv6, no_descriptors_left, nothing_left

unix_only = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no UNIX sockets here")


@pytest.fixture(autouse=True)
def short_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def make(loop, factory=Recorder, **options):
    return loop.create_datagram_endpoint(factory, **options)


# --- what it makes -----------------------------------------------------------------------------


@on_loop
async def test_local_and_remote(loop):
    async with endpoint(loop, Echo()) as server:
        async with endpoint(loop, local_addr=(LOOPBACK, 0), remote_addr=address(server)) as client:
            assert address(client)[0] == LOOPBACK
            assert client.transport.get_extra_info("peername") == address(server)
            client.transport.sendto(b"x")
            assert await client.datagrams(1) == [b"x"]


@on_loop
async def test_only_a_family(loop):
    async with endpoint(loop, Echo()) as server, endpoint(loop, family=socket.AF_INET) as client:
        client.transport.sendto(b"x", address(server))
        assert await client.datagrams(1) == [b"x"]


@on_loop
async def test_names(loop):
    async with endpoint(loop, Echo(), local_addr=("localhost", 0), family=socket.AF_INET) as server:
        port = address(server)[1]
        async with endpoint(loop, remote_addr=("localhost", port), family=socket.AF_INET) as client:
            client.transport.sendto(b"x")
            assert await client.datagrams(1) == [b"x"]


@on_loop
async def test_any_host(loop):
    async with endpoint(loop, local_addr=("0.0.0.0", 0)) as server:
        with bare_socket() as peer:
            peer.sendto(b"x", (LOOPBACK, address(server)[1]))
            assert await server.datagrams(1) == [b"x"]


@on_loop
async def test_family_that_both_have(loop, monkeypatch):
    """Of several families that the names stand for, the one that has both."""
    if not has_ipv6():
        pytest.skip("no IPv6 here")

    async def getaddrinfo(host, port, **hints):
        found = {"six": [(socket.AF_INET6, "::1")], "both": [(socket.AF_INET, LOOPBACK), (socket.AF_INET6, "::1")]}
        return [(family, socket.SOCK_DGRAM, 17, "", (name, port)) for family, name in found[host]]

    monkeypatch.setattr(type(loop), "getaddrinfo", lambda self, *args, **hints: getaddrinfo(*args, **hints))
    async with endpoint(loop, local_addr=("both", 0), remote_addr=("six", 9)) as ours:
        assert address(ours)[0] == "::1"


@on_loop
async def test_given_socket(loop):
    sock = socket.socket(type=socket.SOCK_DGRAM)
    sock.bind((LOOPBACK, 0))
    async with endpoint(loop, Echo(), sock=sock) as server:
        assert sock.gettimeout() == 0
        assert address(server) == sock.getsockname()
        with bare_socket() as peer:
            peer.sendto(b"x", sock.getsockname())
            await server.datagrams(1)
            await turns(1)
            assert drain(peer) == [b"x"]
    assert sock.fileno() == -1, "the transport owns it"


@on_loop
async def test_given_connected_socket(loop):
    """It sends to its peer only, whatever address is given."""
    with bare_socket() as peer, bare_socket() as other:
        sock = socket.socket(type=socket.SOCK_DGRAM)
        sock.connect(peer.getsockname())
        async with endpoint(loop, sock=sock) as ours:
            ours.transport.sendto(b"1")
            ours.transport.sendto(b"2", other.getsockname())
            await turns(2)
            assert drain(peer) == [b"1", b"2"] and drain(other) == []


@on_loop
async def test_broadcast(loop):
    """Allowed, and then not connected: answers come from others than the address that is sent to."""
    async with endpoint(loop, Echo()) as server:
        async with endpoint(loop, remote_addr=address(server), allow_broadcast=True) as client:
            sock = client.transport.get_extra_info("socket")
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST)
            assert client.transport.get_extra_info("peername") is None
            client.transport.sendto(b"to the only address")
            assert await client.datagrams(1) == [b"to the only address"]
            with pytest.raises(ValueError):
                client.transport.sendto(b"x", (LOOPBACK, 9))
        async with endpoint(loop, remote_addr=address(server)) as client:
            assert not client.transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST)


@pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="no SO_REUSEPORT here")
@on_loop
async def test_reuse_port(loop):
    async with endpoint(loop, local_addr=(LOOPBACK, 0), reuse_port=True) as one:
        async with endpoint(loop, local_addr=address(one), reuse_port=True) as other:
            assert address(other) == address(one)


@on_loop
async def test_reuse_port_where_there_is_none(loop, monkeypatch):
    monkeypatch.delattr(socket, "SO_REUSEPORT", raising=False)
    with pytest.raises(ValueError, match="reuse_port not supported"):
        await make(loop, local_addr=(LOOPBACK, 0), reuse_port=True)


@on_loop
async def test_error_of_bind_is_the_systems(loop, monkeypatch):
    """Of its own class, with all that it carries."""
    class Refused(OSError):
        pass

    def refuse(sock, address):
        raise Refused(98, "refused")

    monkeypatch.setattr(socket.socket, "bind", refuse, raising=False)
    async with nothing_left(loop):
        with pytest.raises(Refused) as caught:
            await make(loop, local_addr=(LOOPBACK, 0))
    assert caught.value.errno == 98 and "refused" in str(caught.value)


@on_loop
async def test_socket_where_programs_look_for_it(loop):
    async with endpoint(loop) as one:
        assert one.transport._sock.getsockname() == address(one)
    assert one.transport._sock is None


@on_loop
async def test_reuse_address_is_gone(loop):
    """Two programs on one port would share its datagrams; asyncio removed it in Python 3.11."""
    with pytest.raises(TypeError, match="reuse_address"):
        await make(loop, local_addr=(LOOPBACK, 0), reuse_address=True)
    async with endpoint(loop) as one:
        with pytest.raises(OSError):
            await make(loop, local_addr=address(one))


@unix_only
@on_loop
async def test_stale_unix_socket_is_replaced(loop):
    with bare_socket(socket.AF_UNIX, "stale"):
        pass
    async with endpoint(loop, local_addr="stale", family=socket.AF_UNIX) as ours:
        with bare_socket(socket.AF_UNIX) as peer:
            peer.sendto(b"x", "stale")
            assert await ours.datagrams(1) == [b"x"]
    assert os.path.exists("stale")


@unix_only
@on_loop
async def test_other_files_are_not_replaced(loop):
    with open("file", "w"):
        pass
    with pytest.raises(OSError, match="file|in use"):
        await make(loop, local_addr="file", family=socket.AF_UNIX)
    assert os.path.exists("file")


@on_loop
async def test_waits_for_connection_made(loop):
    def factory():
        assert not creating.done()
        return Recorder()

    creating = loop.create_task(make(loop, factory, local_addr=(LOOPBACK, 0)))
    transport, protocol = await creating
    assert protocol.events == ["made"] and protocol.transport is transport
    transport.close()
    await protocol.lost()


# --- wrong arguments ---------------------------------------------------------------------------


WRONG = {
    "nothing": ({}, ValueError, "unexpected address family"),
    "string": ({"local_addr": LOOPBACK}, TypeError, "2-tuple"),
    "list": ({"remote_addr": [LOOPBACK, 9]}, TypeError, "2-tuple"),
    "four": ({"remote_addr": ("::1", 9, 0, 0)}, TypeError, "2-tuple"),
    "families": ({"local_addr": (LOOPBACK, 0), "remote_addr": ("::1", 9)}, ValueError, "can not get address"),
}
if hasattr(socket, "AF_UNIX"):
    WRONG["unix tuple"] = ({"local_addr": (LOOPBACK, 0), "family": socket.AF_UNIX}, TypeError, "string is expected")
    WRONG["unix bytes"] = ({"remote_addr": b"path", "family": socket.AF_UNIX}, TypeError, "string is expected")


@pytest.mark.parametrize("options, error, message", WRONG.values(), ids=WRONG)
@on_loop
async def test_wrong_arguments(loop, options, error, message):
    async with nothing_left(loop):
        with pytest.raises(error, match=message):
            await make(loop, **options)


@pytest.mark.parametrize("option", ["local_addr", "remote_addr", "family", "proto", "flags", "reuse_port"])
@on_loop
async def test_options_beside_a_socket(loop, option):
    with bare_socket() as sock:
        with pytest.raises(ValueError, match=f"when sock is specified.*{option}"):
            await make(loop, sock=sock, **{option: 1})


@on_loop
async def test_stream_socket(loop):
    with socket.socket() as sock:
        with pytest.raises(ValueError, match="(?i)(datagram|udp) socket was expected"):
            await make(loop, sock=sock)


# --- failing, and being cancelled --------------------------------------------------------------


@on_loop
async def test_address_that_is_not_ours(loop):
    async with nothing_left(loop):
        with pytest.raises(OSError):
            await make(loop, local_addr=("192.0.2.1", 9))


@pytest.mark.tulipa_only
@on_loop
async def test_error_names_the_address(loop):
    with bare_socket() as sock:
        with pytest.raises(OSError, match=f"{LOOPBACK}.*{sock.getsockname()[1]}"):
            await make(loop, local_addr=sock.getsockname())


@on_loop
async def test_without_a_descriptor_to_spare(loop):
    async with nothing_left(loop):
        with no_descriptors_left():
            with pytest.raises(OSError):
                await make(loop, local_addr=(LOOPBACK, 0))


@pytest.mark.tulipa_only  # the standard loop leaves the socket to the garbage collector, which warns
@on_loop
async def test_factory_that_raises(loop):
    async with nothing_left(loop):
        with pytest.raises(ZeroDivisionError):
            await make(loop, lambda: 1 / 0, local_addr=(LOOPBACK, 0))


@on_loop
async def test_connection_made_that_raises(loop, loop_errors):
    class Raising(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            raise ZeroDivisionError

    async with endpoint(loop, Raising()) as ours:
        (context,) = loop_errors
        assert isinstance(context["exception"], ZeroDivisionError)
        loop_errors.clear()
        with bare_socket() as peer:
            peer.sendto(b"x", address(ours))
            assert await ours.datagrams(1) == [b"x"]


@pytest.mark.parametrize("step", range(6))
@on_loop
async def test_cancelled(loop, step):
    async with nothing_left(loop):
        task = loop.create_task(make(loop, local_addr=(LOOPBACK, 0), remote_addr=(LOOPBACK, 9)))
        await turns(step)
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            transport, protocol = task.result()
            transport.close()
            await protocol.lost()
        await turns(3)
