"""create_server and the Server that it returns."""

import asyncio
import errno
import socket
import ssl

import pytest
from helpers.running import on_loop, turns
from helpers.streams import (
    LOOPBACK,
    Echo,
    Factory,
    Recorder,
    address,
    has_ipv6,
    nothing_left,
    refusing_port,
    serving,
)

needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on the loopback here")
needs_reuse_port = pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="no SO_REUSEPORT here")


async def exchange(loop, where, echoing):
    """Connect, have some bytes echoed, disconnect; all of it is over at the end."""
    before = len(echoing.made)
    transport, protocol = await loop.create_connection(Recorder, *where[:2])
    transport.write(b"hello")
    assert await protocol.received(5) == b"hello"
    transport.close()
    await protocol.lost()
    await echoing.made[before].lost()


# --- what it is --------------------------------------------------------------------------------


@on_loop
async def test_is_an_asyncio_server(loop):
    async with serving(loop, Echo) as server:
        assert isinstance(server, asyncio.AbstractServer)
        assert server.get_loop() is loop
        assert server.is_serving() is True


@on_loop
async def test_sockets(loop):
    server = await loop.create_server(Echo, LOOPBACK, 0)
    (sock,) = server.sockets
    assert isinstance(server.sockets, tuple)
    assert (sock.family, sock.type) == (socket.AF_INET, socket.SOCK_STREAM)
    assert sock.getsockname()[0] == LOOPBACK and sock.getsockname()[1] > 0
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) != 0
    server.close()
    assert server.sockets == ()
    assert server.is_serving() is False
    await server.wait_closed()


@on_loop
async def test_repr_names_the_sockets(loop):
    async with serving(loop, Echo) as server:
        assert str(address(server)[1]) in repr(server)


# --- where it listens --------------------------------------------------------------------------


@pytest.mark.parametrize("hosts", [["127.0.0.1", "127.0.0.2"], ("127.0.0.1", "127.0.0.2", "127.0.0.1")], ids=str)
@on_loop
async def test_several_hosts(loop, hosts):
    echoing = Factory(Echo)
    server = await loop.create_server(echoing, hosts, 0)
    names = [sock.getsockname() for sock in server.sockets]
    assert sorted(host for host, _ in names) == ["127.0.0.1", "127.0.0.2"], "each host once"
    for name in names:
        await exchange(loop, name, echoing)
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize("host", [None, ""])
@on_loop
async def test_all_interfaces(loop, host):
    echoing = Factory(Echo)
    with refusing_port() as free:
        pass  # the same port is wanted for every family, so it can't be 0
    server = await loop.create_server(echoing, host, free)
    await exchange(loop, (LOOPBACK, free), echoing)
    if has_ipv6():
        assert {sock.family for sock in server.sockets} == {socket.AF_INET, socket.AF_INET6}
        await exchange(loop, ("::1", free), echoing)
    server.close()
    await server.wait_closed()


@needs_ipv6
@on_loop
async def test_ipv6_socket_is_for_ipv6_only(loop):
    echoing = Factory(Echo)
    server = await loop.create_server(echoing, "::", 0)
    assert [sock.family for sock in server.sockets] == [socket.AF_INET6]
    await exchange(loop, ("::1", address(server)[1]), echoing)
    with pytest.raises(ConnectionRefusedError):
        await loop.create_connection(Recorder, LOOPBACK, address(server)[1])
    server.close()
    await server.wait_closed()


@needs_ipv6
@on_loop
async def test_family(loop):
    server = await loop.create_server(Echo, None, 0, family=socket.AF_INET)
    assert [sock.family for sock in server.sockets] == [socket.AF_INET]
    server.close()
    await server.wait_closed()


@on_loop
async def test_given_socket(loop):
    sock = socket.socket()
    sock.bind((LOOPBACK, 0))
    echoing = Factory(Echo)
    server = await loop.create_server(echoing, sock=sock)
    assert sock.gettimeout() == 0
    await exchange(loop, sock.getsockname(), echoing)
    server.close()
    await server.wait_closed()
    assert sock.fileno() == -1, "the server owns the socket from the moment it got it"


# --- options -----------------------------------------------------------------------------------


def option(sock, name):
    return sock.getsockopt(socket.SOL_SOCKET, name) != 0


@on_loop
async def test_address_is_reused_unless_told_otherwise(loop):
    async with serving(loop, Echo) as server:
        assert option(server.sockets[0], socket.SO_REUSEADDR)
    async with serving(loop, Echo, reuse_address=False) as server:
        assert not option(server.sockets[0], socket.SO_REUSEADDR)


@needs_reuse_port
@on_loop
async def test_reuse_port(loop):
    async with serving(loop, Echo, reuse_port=True) as server:
        assert option(server.sockets[0], socket.SO_REUSEPORT)
        second = await loop.create_server(Echo, *address(server), reuse_port=True)
        second.close()
        await second.wait_closed()
    async with serving(loop, Echo) as server:
        assert not option(server.sockets[0], socket.SO_REUSEPORT)


@needs_reuse_port
@on_loop
async def test_reuse_port_that_the_system_refuses(loop, monkeypatch):
    monkeypatch.setattr(socket, "SO_REUSEPORT", 1 << 20)
    with pytest.raises(ValueError, match="reuse_port not supported"):
        await loop.create_server(Echo, LOOPBACK, 0, reuse_port=True)


@pytest.mark.std_since(3, 13)
@on_loop
async def test_keep_alive(loop):
    for keep_alive in (True, False, None):
        accepted = Factory()
        async with serving(loop, accepted, keep_alive=keep_alive) as server:
            transport, protocol = await loop.create_connection(Recorder, *address(server))
            served = await accepted.connected()
            assert option(served.transport.get_extra_info("socket"), socket.SO_KEEPALIVE) is bool(keep_alive)
            transport.close()
            await protocol.lost()
            await served.lost()


@on_loop
async def test_backlog(loop):
    """With a backlog of 1, two connections are queued by a server that does not accept (yet)."""
    server = await loop.create_server(Echo, LOOPBACK, 0, backlog=1, start_serving=False)
    await server.start_serving()
    queued = []
    for _ in range(3):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(address(server))
        queued.append(sock)
    try:
        connected = [sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == 1 for sock in queued]
        assert connected == [True, True, False]
    finally:
        for sock in queued:
            sock.close()
        server.close()
        await server.wait_closed()


@on_loop
async def test_more_connections_than_the_backlog(loop):
    echoing = Factory(Echo)
    async with serving(loop, echoing, backlog=2) as server:
        await asyncio.gather(*(loop.create_connection(Recorder, *address(server)) for _ in range(2)))
        for _ in range(20):
            await exchange_quickly(loop, address(server))
        for protocol in echoing.made:
            protocol.transport.abort()
        for protocol in echoing.made:
            await protocol.lost()
        assert len(echoing.made) == 22
        await turns(10)


async def exchange_quickly(loop, where):
    transport, protocol = await loop.create_connection(Recorder, *where)
    transport.write(b"hello")
    assert await protocol.received(5) == b"hello"
    transport.close()
    await protocol.lost()


# --- starting ----------------------------------------------------------------------------------


@on_loop
async def test_server_that_does_not_start_at_once(loop):
    echoing = Factory(Echo)
    server = await loop.create_server(echoing, LOOPBACK, 0, start_serving=False)
    assert server.is_serving() is False
    assert not server.sockets[0].getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    with pytest.raises(ConnectionRefusedError):
        await loop.create_connection(Recorder, *address(server))
    await server.start_serving()
    await server.start_serving()
    assert server.is_serving() is True
    await exchange(loop, address(server), echoing)
    server.close()
    await server.wait_closed()


@on_loop
async def test_serve_forever_starts_and_is_ended_by_cancelling(loop):
    echoing = Factory(Echo)
    async with nothing_left(loop):
        server = await loop.create_server(echoing, LOOPBACK, 0, start_serving=False)
        where = address(server)
        forever = loop.create_task(server.serve_forever())
        await turns(2)
        assert server.is_serving()
        await exchange(loop, where, echoing)
        forever.cancel()
        with pytest.raises(asyncio.CancelledError):
            await forever
        assert not server.is_serving()
        assert server.sockets == ()
        with pytest.raises(ConnectionRefusedError):
            await loop.create_connection(Recorder, *where)


@on_loop
async def test_serve_forever_is_ended_by_close(loop):
    server = await loop.create_server(Echo, LOOPBACK, 0)
    forever = loop.create_task(server.serve_forever())
    await turns(2)
    server.close()
    with pytest.raises(asyncio.CancelledError):
        await forever
    await server.wait_closed()


@on_loop
async def test_serve_forever_only_once(loop):
    server = await loop.create_server(Echo, LOOPBACK, 0)
    forever = loop.create_task(server.serve_forever())
    await turns(2)
    with pytest.raises(RuntimeError, match="already"):
        await server.serve_forever()
    assert server.is_serving()
    forever.cancel()
    with pytest.raises(asyncio.CancelledError):
        await forever


@on_loop
async def test_closed_server_cannot_serve_forever(loop):
    server = await loop.create_server(Echo, LOOPBACK, 0)
    server.close()
    with pytest.raises(RuntimeError, match="closed"):
        await server.serve_forever()


@pytest.mark.tulipa_only  # the standard loop iterates over None: TypeError
@on_loop
async def test_closed_server_cannot_start(loop):
    server = await loop.create_server(Echo, LOOPBACK, 0, start_serving=False)
    server.close()
    with pytest.raises(RuntimeError, match="closed"):
        await server.start_serving()


# --- closing -----------------------------------------------------------------------------------


@on_loop
async def test_close_leaves_clients_alone(loop):
    echoing = Factory(Echo)
    server = await loop.create_server(echoing, LOOPBACK, 0)
    transport, protocol = await loop.create_connection(Recorder, *address(server))
    await echoing.connected()
    server.close()
    server.close()
    transport.write(b"still there")
    assert await protocol.received(11) == b"still there"
    transport.close()
    await echoing.made[0].lost()
    await server.wait_closed()


@pytest.mark.std_since(3, 12)
@on_loop
async def test_wait_closed_waits_for_clients(loop):
    echoing = Factory(Echo)
    server = await loop.create_server(echoing, LOOPBACK, 0)
    links = [await loop.create_connection(Recorder, *address(server)) for _ in range(2)]
    await echoing.connected(1)
    waiting = [loop.create_task(server.wait_closed()) for _ in range(2)]
    await turns(3)
    server.close()
    for number, (transport, protocol) in enumerate(links):
        await turns(3)
        assert not any(waiter.done() for waiter in waiting)
        transport.close()
        await protocol.lost()
        await echoing.made[number].lost()
    await asyncio.gather(*waiting)
    await server.wait_closed()


@pytest.mark.std_since(3, 12)
@on_loop
async def test_wait_closed_waits_for_close_too(loop):
    server = await loop.create_server(Echo, LOOPBACK, 0)
    waiting = loop.create_task(server.wait_closed())
    await turns(3)
    assert not waiting.done()
    server.close()
    await waiting


@pytest.mark.std_since(3, 12)
@on_loop
async def test_cancelled_wait_closed_does_not_disturb_the_others(loop):
    server = await loop.create_server(Echo, LOOPBACK, 0)
    given_up, waiting = loop.create_task(server.wait_closed()), loop.create_task(server.wait_closed())
    await turns(2)
    given_up.cancel()
    await turns(2)
    assert given_up.cancelled()
    server.close()
    await waiting


@on_loop
async def test_async_with_closes(loop):
    async with await loop.create_server(Echo, LOOPBACK, 0) as server:
        assert server.is_serving()
    assert not server.is_serving()
    assert server.sockets == ()


@pytest.mark.std_since(3, 13)
@on_loop
async def test_close_clients(loop):
    accepted = Factory()
    server = await loop.create_server(accepted, LOOPBACK, 0)
    links = [await loop.create_connection(Recorder, *address(server)) for _ in range(3)]
    await accepted.connected(2)
    server.close()
    server.close_clients()
    assert all(protocol.transport.is_closing() for protocol in accepted.made)
    await server.wait_closed()
    for _, protocol in links:
        assert await protocol.lost() is None
        assert protocol.events == ["made", "eof", "lost"]


@pytest.mark.std_since(3, 13)
@on_loop
async def test_close_clients_after_some_have_gone(loop):
    for gone in ([0], [1], [2], [0, 1], [2, 1], [0, 2], [1, 2, 0]):
        accepted = Factory()
        server = await loop.create_server(accepted, LOOPBACK, 0)
        links = [await loop.create_connection(Recorder, *address(server)) for _ in range(3)]
        await accepted.connected(2)
        for index in gone:
            accepted.made[index].transport.abort()
            await accepted.made[index].lost()
        left = [protocol.transport for i, protocol in enumerate(accepted.made) if i not in gone]
        assert not any(transport.is_closing() for transport in left)
        server.close()
        server.close_clients()
        assert all(transport.is_closing() for transport in left)
        await server.wait_closed()
        for _, protocol in links:
            await protocol.lost()


@pytest.mark.std_since(3, 13)
@on_loop
async def test_close_clients_sends_what_is_buffered_and_abort_clients_does_not(loop):
    accepted = Factory()
    server = await loop.create_server(accepted, LOOPBACK, 0)
    transport, protocol = await loop.create_connection(Recorder, *address(server))
    transport.pause_reading()
    served = (await accepted.connected()).transport
    served.write(bytes(50_000_000))
    server.close()
    server.close_clients()
    waiting = loop.create_task(server.wait_closed())
    await turns(3)
    assert not waiting.done()
    assert served.get_write_buffer_size() > 0
    server.abort_clients()
    await waiting
    assert served.get_write_buffer_size() == 0
    transport.abort()
    await protocol.lost()


# --- failing -----------------------------------------------------------------------------------


@on_loop
async def test_address_in_use(loop):
    async with serving(loop, Echo) as server:
        async with nothing_left(loop):
            with pytest.raises(OSError, match=f"127.0.0.1.*{address(server)[1]}") as error:
                await loop.create_server(Echo, *address(server))
            assert error.value.errno == errno.EADDRINUSE


@on_loop
async def test_second_of_several_hosts_fails(loop):
    with socket.create_server(("127.0.0.1", 0)) as free:
        taken = free.getsockname()[1]
    with socket.create_server(("127.0.0.2", taken)):
        async with nothing_left(loop):
            with pytest.raises(OSError, match="127.0.0.2"):
                await loop.create_server(Echo, ["127.0.0.1", "127.0.0.2"], taken, reuse_address=False)


@on_loop
async def test_address_of_another_machine(loop):
    async with nothing_left(loop):
        with pytest.raises(OSError, match="192.0.2.1"):
            await loop.create_server(Echo, "192.0.2.1", 0)  # reserved for documentation


@pytest.mark.std_since(3, 13)
@on_loop
async def test_address_of_another_machine_among_others_is_left_out(loop):
    async with nothing_left(loop):
        server = await loop.create_server(Echo, ["192.0.2.1", LOOPBACK], 0)
        assert [sock.getsockname()[0] for sock in server.sockets] == [LOOPBACK]
        server.close()
        await server.wait_closed()


@on_loop
async def test_neither_address_nor_socket(loop):
    with pytest.raises(ValueError, match="sock"):
        await loop.create_server(Echo)


@on_loop
async def test_both_address_and_socket(loop):
    with socket.socket() as sock:
        with pytest.raises(ValueError, match="host.*sock"):
            await loop.create_server(Echo, LOOPBACK, 0, sock=sock)
        assert sock.fileno() != -1


@on_loop
async def test_socket_of_another_type(loop):
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        with pytest.raises(ValueError, match="(?i)stream"):
            await loop.create_server(Echo, sock=sock)
        assert sock.fileno() != -1


@on_loop
async def test_ssl_that_is_no_context(loop):
    with pytest.raises(TypeError, match="ssl"):
        await loop.create_server(Echo, LOOPBACK, 0, ssl=True)


@on_loop
async def test_tls_options_without_tls(loop):
    for name in ("ssl_handshake_timeout", "ssl_shutdown_timeout"):
        with pytest.raises(ValueError, match=f"{name}.*ssl"):
            await loop.create_server(Echo, LOOPBACK, 0, **{name: 1})


@on_loop
async def test_socket_that_does_tls_itself(loop):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    async with nothing_left(loop):
        with context.wrap_socket(socket.socket(), server_side=True) as sock:
            with pytest.raises(TypeError, match="SSLSocket"):
                await loop.create_connection(Recorder, sock=sock)
