"""create_connection and connect_accepted_socket over TCP; racing addresses has a module of its own."""

import errno
import socket
import threading

import pytest
from helpers.running import on_loop
from helpers.streams import (
    LOOPBACK,
    BufferedRecorder,
    Echo,
    Factory,
    Recorder,
    address,
    connected_sockets,
    has_ipv6,
    nothing_left,
    refusing_port,
    serving,
)

needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on the loopback here")


def resolving_to(monkeypatch, *addresses):
    """Make every name resolve to these (host, port) addresses; the calls are collected in what is returned."""

    def getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):
        calls.append((host, port, family, type, proto, flags, threading.current_thread()))
        return [
            (
                socket.AF_INET6 if ":" in host else socket.AF_INET,
                socket.SOCK_STREAM,
                socket.IPPROTO_TCP,
                "",
                (host, port, 0, 0) if ":" in host else (host, port),
            )
            for host, port in addresses
        ]

    calls = []
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return calls


# --- connecting --------------------------------------------------------------------------------


@pytest.mark.parametrize("recorder", [Recorder, BufferedRecorder])
@on_loop
async def test_echo(loop, recorder):
    data = b"".join(b"%07d" % number for number in range(100_000))
    echoing = Factory(Echo)
    async with serving(loop, echoing) as server:
        transport, protocol = await loop.create_connection(recorder, *address(server))
        transport.write(data)
        assert await protocol.received(len(data)) == data
        transport.close()
        await protocol.lost()
        await echoing.made[0].lost()
    assert echoing.made[0].events[-2:] == ["eof", "lost"]


@on_loop
async def test_both_ends_know_each_other(loop):
    accepted = Factory()
    async with serving(loop, accepted) as server:
        transport, protocol = await loop.create_connection(Recorder, *address(server))
        other = await accepted.connected()
        assert transport.get_extra_info("peername") == other.transport.get_extra_info("sockname") == address(server)
        assert transport.get_extra_info("sockname") == other.transport.get_extra_info("peername")
        transport.close()
        await protocol.lost()
        await other.lost()


@on_loop
async def test_by_name(loop):
    accepted = Factory()
    async with serving(loop, accepted) as server:
        transport, protocol = await loop.create_connection(
            Recorder, "localhost", address(server)[1], family=socket.AF_INET
        )
        assert transport.get_extra_info("peername") == address(server)
        transport.close()
        await protocol.lost()
        await (await accepted.connected()).lost()


@needs_ipv6
@on_loop
async def test_ipv6(loop):
    accepted = Factory(Echo)
    server = await loop.create_server(accepted, "::1", 0)
    transport, protocol = await loop.create_connection(Recorder, "::1", address(server)[1])
    assert transport.get_extra_info("socket").family == socket.AF_INET6
    assert transport.get_extra_info("peername")[:2] == ("::1", address(server)[1])
    transport.write(b"six")
    assert await protocol.received(3) == b"six"
    transport.close()
    await accepted.made[0].lost()
    server.close()
    await server.wait_closed()


@on_loop
async def test_port_as_text(loop):
    accepted = Factory()
    async with serving(loop, accepted) as server:
        host, port = address(server)
        transport, protocol = await loop.create_connection(Recorder, host, str(port))
        transport.close()
        await protocol.lost()
        await (await accepted.connected()).lost()


@on_loop
async def test_local_address(loop):
    accepted = Factory()
    async with serving(loop, accepted) as server:
        transport, protocol = await loop.create_connection(Recorder, *address(server), local_addr=("127.0.0.2", 0))
        assert transport.get_extra_info("sockname")[0] == "127.0.0.2"
        transport.close()
        await protocol.lost()
        await (await accepted.connected()).lost()


@on_loop
async def test_given_socket(loop):
    ours, peer = connected_sockets()
    with peer:
        transport, protocol = await loop.create_connection(Recorder, sock=ours)
        assert transport.get_extra_info("socket").fileno() == ours.fileno()
        await loop.sock_sendall(peer, b"data")
        assert await protocol.received(4) == b"data"
        transport.close()
        await protocol.lost()


@on_loop
async def test_accepted_socket(loop):
    ours, peer = connected_sockets()
    with peer:
        transport, protocol = await loop.connect_accepted_socket(Echo, ours)
        assert protocol.events == ["made"]
        await loop.sock_sendall(peer, b"data")
        assert await loop.sock_recv(peer, 100) == b"data"
        transport.close()
        await protocol.lost()


# --- resolving ---------------------------------------------------------------------------------


@on_loop
async def test_numeric_addresses_are_not_resolved(loop, monkeypatch):
    async with serving(loop, accepted := Factory()) as server:
        calls = resolving_to(monkeypatch)
        transport, protocol = await loop.create_connection(Recorder, *address(server))
        assert calls == []
        transport.close()
        await protocol.lost()
        await (await accepted.connected()).lost()


@on_loop
async def test_names_are_resolved_in_a_thread_with_all_arguments(loop, monkeypatch):
    async with serving(loop, accepted := Factory()) as server:
        calls = resolving_to(monkeypatch, address(server))
        transport, protocol = await loop.create_connection(
            Recorder, "tulip.example", 80, family=socket.AF_INET, proto=socket.IPPROTO_TCP, flags=socket.AI_CANONNAME
        )
        ((*arguments, thread),) = calls
        assert arguments == [
            "tulip.example",
            80,
            socket.AF_INET,
            socket.SOCK_STREAM,
            socket.IPPROTO_TCP,
            socket.AI_CANONNAME,
        ]
        assert thread is not threading.current_thread()
        transport.close()
        await protocol.lost()
        await (await accepted.connected()).lost()


@on_loop
async def test_name_that_does_not_resolve(loop, monkeypatch):
    def getaddrinfo(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "no such flower")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    async with nothing_left(loop):
        with pytest.raises(socket.gaierror, match="no such flower"):
            await loop.create_connection(Recorder, "tulip.example", 80)


@on_loop
async def test_name_without_addresses(loop, monkeypatch):
    resolving_to(monkeypatch)
    with pytest.raises(OSError, match="empty"):
        await loop.create_connection(Recorder, "tulip.example", 80)


@on_loop
async def test_addresses_are_tried_in_turn(loop, monkeypatch):
    async with serving(loop, accepted := Factory()) as server:
        with refusing_port() as one, refusing_port() as two:
            resolving_to(monkeypatch, (LOOPBACK, one), (LOOPBACK, two), address(server))
            async with nothing_left(loop):
                transport, protocol = await loop.create_connection(Recorder, "tulip.example", 80)
                assert transport.get_extra_info("peername") == address(server)
                transport.close()
                await protocol.lost()
                await (await accepted.connected()).lost()


# --- failing -----------------------------------------------------------------------------------


@on_loop
async def test_refused(loop):
    made = Factory()
    with refusing_port() as port:
        async with nothing_left(loop):
            with pytest.raises(ConnectionRefusedError, match=f"127.0.0.1.*{port}") as refused:
                await loop.create_connection(made, LOOPBACK, port)
            assert refused.value.errno == errno.ECONNREFUSED
    assert made.made == [], "no protocol is made for a connection that failed"


@on_loop
async def test_several_refused_are_all_named(loop, monkeypatch):
    with refusing_port() as one, refusing_port() as two:
        resolving_to(monkeypatch, (LOOPBACK, one), (LOOPBACK, two))
        async with nothing_left(loop):
            with pytest.raises(OSError, match=f"{one}.*{two}"):
                await loop.create_connection(Recorder, "tulip.example", 80)


@on_loop
async def test_refused_twice_by_the_same_is_one_error(loop, monkeypatch):
    with refusing_port() as port:
        resolving_to(monkeypatch, (LOOPBACK, port), (LOOPBACK, port))
        with pytest.raises(ConnectionRefusedError):
            await loop.create_connection(Recorder, "tulip.example", 80)


@pytest.mark.std_since(3, 12)
@on_loop
async def test_all_errors(loop, monkeypatch):
    with refusing_port() as one, refusing_port() as two:
        resolving_to(monkeypatch, (LOOPBACK, one), (LOOPBACK, two))
        async with nothing_left(loop):
            with pytest.raises(ExceptionGroup) as group:
                await loop.create_connection(Recorder, "tulip.example", 80, all_errors=True)
        assert [type(error) for error in group.value.exceptions] == [ConnectionRefusedError] * 2
        assert [port for port in (one, two) if str(port) in str(group.value.exceptions[0])] == [one]


@pytest.mark.std_since(3, 12)
@on_loop
async def test_all_errors_of_one_address_is_a_group_too(loop):
    with refusing_port() as port:
        with pytest.raises(ExceptionGroup) as group:
            await loop.create_connection(Recorder, LOOPBACK, port, all_errors=True)
        assert [type(error) for error in group.value.exceptions] == [ConnectionRefusedError]


@on_loop
async def test_local_address_that_is_taken(loop):
    async with serving(loop, Factory()) as server:
        with refusing_port() as taken:
            async with nothing_left(loop):
                with pytest.raises(OSError, match=str(taken)) as error:
                    await loop.create_connection(Recorder, *address(server), local_addr=(LOOPBACK, taken))
                assert error.value.errno == errno.EADDRINUSE


@on_loop
async def test_local_address_of_another_family(loop):
    async with serving(loop, Factory()) as server:
        async with nothing_left(loop):
            with pytest.raises(OSError):
                await loop.create_connection(Recorder, *address(server), local_addr=("::1", 0))


# --- wrong arguments ---------------------------------------------------------------------------


@on_loop
async def test_neither_address_nor_socket(loop):
    with pytest.raises(ValueError, match="host.*sock"):
        await loop.create_connection(Recorder)


@on_loop
async def test_both_address_and_socket(loop):
    ours, peer = connected_sockets()
    with ours, peer:
        with pytest.raises(ValueError, match="host.*sock"):
            await loop.create_connection(Recorder, LOOPBACK, 80, sock=ours)
        assert ours.fileno() != -1, "a refused socket stays the caller's"


@pytest.mark.parametrize("method", ["create_connection", "connect_accepted_socket"])
@on_loop
async def test_socket_of_another_type(loop, method):
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        with pytest.raises(ValueError, match="(?i)stream"):
            await getattr(loop, method)(Recorder, sock=sock)
        assert sock.fileno() != -1


@pytest.mark.parametrize(
    "option",
    [{"server_hostname": "tulip.example"}, {"ssl_handshake_timeout": 1}, {"ssl_shutdown_timeout": 1}],
    ids=lambda option: next(iter(option)),
)
@on_loop
async def test_tls_options_without_tls(loop, option):
    with pytest.raises(ValueError, match=f"{next(iter(option))}.*ssl"):
        await loop.create_connection(Recorder, LOOPBACK, 80, **option)


@on_loop
async def test_accepted_socket_with_tls_options_without_tls(loop):
    ours, peer = connected_sockets()
    with ours, peer:
        for option in ("ssl_handshake_timeout", "ssl_shutdown_timeout"):
            with pytest.raises(ValueError, match=f"{option}.*ssl"):
                await loop.connect_accepted_socket(Recorder, ours, **{option: 1})
