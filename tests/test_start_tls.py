"""start_tls: TLS over a connection that exists, both sides, TLS inside TLS, and what was buffered before."""

import asyncio
import contextlib
import socket
import ssl

import pytest
from helpers.running import on_loop, turns
from helpers.streams import LOOPBACK, BufferedRecorder, Recorder, connected_sockets, linked, small_buffers
from helpers.tls import HOST, Peer, client_context, server_context, until_closed

pytestmark = pytest.mark.usefixtures("use_tls_engine")

SIDES = pytest.mark.parametrize("server_side", [False, True], ids=["client", "server"])


def peer_of(link, loop, server_side):
    """The other end of a link whose transport is to become the server, or the client."""
    if server_side:
        return Peer(loop, link.peer, client_context(), server_side=False, server_hostname=HOST)
    return Peer(loop, link.peer, server_context(), server_side=True)


async def upgrade(loop, link, server_side, peer=None, **options):
    """start_tls on the link's transport; the TLS transport and the peer."""
    peer = peer or peer_of(link, loop, server_side)
    if server_side:
        starting = loop.start_tls(link.transport, link.protocol, server_context(), server_side=True, **options)
    else:
        starting = loop.start_tls(link.transport, link.protocol, client_context(), server_hostname=HOST, **options)
    transport, _ = await asyncio.gather(starting, peer.handshake())
    return transport, peer


@SIDES
@pytest.mark.parametrize("protocol", [Recorder, BufferedRecorder])
@pytest.mark.parametrize("kind", ["tcp", "unix"])
@on_loop
async def test_both_sides(loop, server_side, protocol, kind):
    async with linked(loop, protocol(), kind) as link:
        transport, peer = await upgrade(loop, link, server_side)
        assert transport is not link.transport
        assert transport.get_protocol() is link.protocol
        assert isinstance(transport, asyncio.Transport)
        transport.write(b"to the peer")
        assert await peer.receive_exactly(11) == b"to the peer"
        await peer.send(b"from the peer")
        assert await link.protocol.received(13) == b"from the peer"
        # Without a second connection_made.
        assert link.protocol.events == ["made", "data"]
        await peer.say_goodbye()
        assert await link.protocol.lost() is None
        assert link.protocol.events == ["made", "data", "eof", "lost"]


@SIDES
@on_loop
async def test_plaintext_before(loop, server_side):
    async with linked(loop) as link:
        link.transport.write(b"STARTTLS")
        assert await loop.sock_recv(link.peer, 100) == b"STARTTLS"
        await loop.sock_sendall(link.peer, b"220 go ahead")
        await link.protocol.received(12)
        transport, peer = await upgrade(loop, link, server_side)
        transport.write(b"secret")
        assert await peer.receive_exactly(6) == b"secret"


@on_loop
async def test_hello_that_came_before_start_tls(loop):
    """The peer's first TLS record waits in the kernel, or has been read into a paused transport."""
    async with linked(loop) as link:
        link.transport.pause_reading()
        peer = peer_of(link, loop, True)
        with contextlib.suppress(ssl.SSLWantReadError):
            peer.ssl_object.do_handshake()
        await peer.flush()
        transport, _ = await upgrade(loop, link, True, peer)
        await peer.send(b"hello")
        assert await link.protocol.received(5) == b"hello"


@pytest.mark.std_since(3, 15)
@on_loop
async def test_hello_that_a_stream_reader_has_read_already(loop):
    """As behind a proxy that sends its header and the client's hello in one segment."""
    ours, theirs = connected_sockets()
    reader, writer = await asyncio.open_connection(sock=ours)
    peer = Peer(loop, theirs, client_context(), server_side=False, server_hostname=HOST)
    with contextlib.suppress(ssl.SSLWantReadError):
        peer.ssl_object.do_handshake()
    await loop.sock_sendall(theirs, b"PROXY TCP4 header\r\n" + peer._outgoing.read())
    assert await reader.readline() == b"PROXY TCP4 header\r\n"
    transport, _ = await asyncio.gather(
        loop.start_tls(writer.transport, writer.transport.get_protocol(), server_context(), server_side=True),
        peer.handshake(),
    )
    await peer.send(b"line\n")
    assert await reader.readline() == b"line\n"
    transport.abort()
    theirs.close()
    await until_closed(ours)


@on_loop
async def test_stream_writer(loop):
    ours, theirs = connected_sockets()
    reader, writer = await asyncio.open_connection(sock=ours)
    peer = Peer(loop, theirs, server_context(), server_side=True)
    await asyncio.gather(writer.start_tls(client_context(), server_hostname=HOST), peer.handshake())
    writer.write(b"question\n")
    assert await peer.receive_exactly(9) == b"question\n"
    await peer.send(b"answer\n")
    assert await reader.readline() == b"answer\n"
    await peer.say_goodbye()
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    theirs.close()


# --- TLS inside TLS ----------------------------------------------------------------------------


@pytest.mark.usefixtures("without_debug")
@on_loop
async def test_tls_inside_tls(loop, caplog):
    await _talk_inside_tls(loop, Recorder)
    assert caplog.messages == []


@pytest.mark.tulipa_only  # asyncio mixes the data up
@on_loop
async def test_tls_inside_tls_with_buffered_protocols(loop):
    await _talk_inside_tls(loop, BufferedRecorder)


async def _talk_inside_tls(loop, kind):
    """Two transports of ours, three layers deep."""
    ours, theirs = connected_sockets()
    protocols = kind(), kind()
    client, server = protocols
    (one, _), (other, _) = await asyncio.gather(
        loop.create_connection(lambda: client, sock=ours, ssl=client_context(), server_hostname=HOST),
        loop.connect_accepted_socket(lambda: server, theirs, ssl=server_context()),
    )
    for _ in range(2):
        one, other = await asyncio.gather(
            loop.start_tls(one, client, client_context(), server_hostname=HOST),
            loop.start_tls(other, server, server_context(), server_side=True),
        )
    data = bytes(range(256)) * 4096
    one.write(data)
    other.write(data)
    assert await server.received(len(data)) == data
    assert await client.received(len(data)) == data
    assert one.get_extra_info("peername") == other.get_extra_info("sockname")
    assert ("DNS", HOST) in one.get_extra_info("peercert")["subjectAltName"]
    one.close()
    assert await client.lost() is None
    assert await server.lost() is None
    await until_closed(ours)
    await until_closed(theirs)


@pytest.mark.std_since(3, 13)  # 3.12.1 fails by itself then
@on_loop
async def test_inner_tls_fails(loop):
    ours, theirs = connected_sockets()
    client, server = Recorder(), Recorder()
    (one, _), (other, _) = await asyncio.gather(
        loop.create_connection(lambda: client, sock=ours, ssl=client_context(), server_hostname=HOST),
        loop.connect_accepted_socket(lambda: server, theirs, ssl=server_context()),
    )
    other.write(b"220 not TLS\r\n")
    with pytest.raises(ssl.SSLError):
        await loop.start_tls(one, client, client_context(), server_hostname=HOST)
    assert isinstance(await client.lost(), ssl.SSLError)
    await server.lost()
    await until_closed(ours)
    await until_closed(theirs)


# --- flow control carries over -----------------------------------------------------------------


@pytest.mark.tulipa_only  # asyncio asserts that it was not paused, or never tells the protocol to resume
@on_loop
async def test_a_protocol_that_was_paused_is_resumed(loop):
    async with linked(loop, kind="unix") as link:
        small_buffers(link.transport.get_extra_info("socket"), link.peer)
        link.transport.write(bytes(1_000_000))
        await link.protocol.saw("pause")
        peer = peer_of(link, loop, True)
        starting = asyncio.ensure_future(
            loop.start_tls(link.transport, link.protocol, server_context(), server_side=True)
        )
        await turns(3)
        left = 1_000_000
        while left:
            left -= len(await loop.sock_recv(link.peer, left))
        transport, _ = await asyncio.gather(starting, peer.handshake())
        await link.protocol.saw("resume")
        assert link.protocol.events == ["made", "pause", "resume"]
        transport.write(b"secret")
        assert await peer.receive_exactly(6) == b"secret"


@on_loop
async def test_reading_goes_on_though_it_was_paused(loop):
    async with linked(loop) as link:
        link.transport.pause_reading()
        transport, peer = await upgrade(loop, link, False)
        assert transport.is_reading()
        await peer.send(b"data")
        assert await link.protocol.received(4) == b"data"


# --- failures ----------------------------------------------------------------------------------


@on_loop
async def test_protocol_hears_of_a_failed_handshake(loop):
    async with linked(loop) as link:
        await loop.sock_sendall(link.peer, b"this is no TLS at all\r\n")
        with pytest.raises(ssl.SSLError):
            await loop.start_tls(link.transport, link.protocol, client_context(), server_hostname=HOST)
        assert isinstance(await link.protocol.lost(), ssl.SSLError)
        assert link.protocol.events == ["made", "lost"]


@pytest.mark.tulipa_only  # asyncio leaves the protocol without connection_lost
@on_loop
async def test_protocol_hears_of_a_peer_that_goes(loop):
    async with linked(loop) as link:
        link.peer.shutdown(socket.SHUT_WR)
        with pytest.raises(ConnectionResetError):
            await loop.start_tls(link.transport, link.protocol, client_context(), server_hostname=HOST)
        assert isinstance(await link.protocol.lost(), ConnectionResetError)


@on_loop
async def test_cancelled(loop):
    async with linked(loop) as link:
        starting = asyncio.ensure_future(
            loop.start_tls(link.transport, link.protocol, client_context(), server_hostname=HOST)
        )
        await turns(4)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        assert link.transport.is_closing()


@on_loop
async def test_cancelled_at_once(loop):
    async with linked(loop) as link:
        starting = asyncio.ensure_future(
            loop.start_tls(link.transport, link.protocol, client_context(), server_hostname=HOST)
        )
        await turns(1)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        assert link.transport.is_closing()


@on_loop
async def test_times_out(loop):
    async with linked(loop) as link:
        with pytest.raises(ConnectionAbortedError, match="0.01 seconds"):
            await loop.start_tls(
                link.transport, link.protocol, client_context(), server_hostname=HOST, ssl_handshake_timeout=0.01
            )


@pytest.mark.tulipa_only  # on asyncio the first one waits for ever
@on_loop
async def test_twice_at_once(loop):
    async with linked(loop) as link:
        first = asyncio.ensure_future(
            loop.start_tls(
                link.transport, link.protocol, client_context(), server_hostname=HOST, ssl_handshake_timeout=0.1
            )
        )
        await turns(2)
        with pytest.raises(RuntimeError, match="already"):
            await loop.start_tls(link.transport, link.protocol, client_context(), server_hostname=HOST)
        with pytest.raises(ConnectionAbortedError, match="0.1 seconds"):
            await first


@on_loop
async def test_no_context(loop):
    async with linked(loop) as link:
        for wrong in (None, True, "context"):
            with pytest.raises(TypeError, match="SSLContext"):
                await loop.start_tls(link.transport, link.protocol, wrong)
        assert not link.transport.is_closing()


@on_loop
async def test_no_transport(loop):
    for wrong in (None, asyncio.Transport()):
        with pytest.raises(TypeError, match="start_tls"):
            await loop.start_tls(wrong, Recorder(), client_context(), server_hostname=HOST)


@pytest.mark.tulipa_only  # asyncio waits for ever
@on_loop
async def test_transport_that_is_closed(loop):
    async with linked(loop) as link:
        link.transport.abort()
        with pytest.raises(ConnectionAbortedError, match="closed"):
            await loop.start_tls(link.transport, link.protocol, client_context(), server_hostname=HOST)


# --- a transport that is not ours --------------------------------------------------------------


class Foreign(asyncio.Transport):
    """A transport of somebody else's making, over a socket pair and the loop's add_reader."""

    _start_tls_compatible = True

    def __init__(self, loop, sock, protocol):
        super().__init__({"socket": sock, "made by": "hand"})
        self._loop = loop
        self._sock = sock
        self._protocol = protocol
        self._closing = False
        self._loop.add_reader(sock, self._read)

    def _read(self):
        data = self._sock.recv(1000)
        if data:
            self._protocol.data_received(bytearray(data))
        elif not self._protocol.eof_received():
            self.close()
        else:
            self._loop.remove_reader(self._sock)

    def set_protocol(self, protocol):
        self._protocol = protocol

    def get_protocol(self):
        return self._protocol

    def write(self, data):
        self._sock.setblocking(True)
        self._sock.sendall(data)
        self._sock.setblocking(False)

    def pause_reading(self):
        self._loop.remove_reader(self._sock)

    def resume_reading(self):
        if not self._closing:
            self._loop.add_reader(self._sock, self._read)

    def is_closing(self):
        return self._closing

    def close(self):
        self._force_close(None)

    abort = close

    def _force_close(self, exc):
        if not self._closing:
            self._closing = True
            self._loop.remove_reader(self._sock)
            self._loop.call_soon(self._end, exc)

    def _end(self, exc):
        self._protocol.connection_lost(exc)
        self._sock.close()


@pytest.mark.tulipa_only
@SIDES
@on_loop
async def test_foreign_transport(loop, server_side):
    ours, theirs = connected_sockets("unix")
    protocol = Recorder()
    foreign = Foreign(loop, ours, protocol)
    context = server_context() if server_side else client_context()
    if server_side:
        peer = Peer(loop, theirs, client_context(), server_side=False, server_hostname=HOST)
    else:
        peer = Peer(loop, theirs, server_context(), server_side=True)
    transport, _ = await asyncio.gather(
        loop.start_tls(foreign, protocol, context, server_side=server_side, server_hostname=HOST), peer.handshake()
    )
    transport.write(b"x" * 50_000)
    assert await peer.receive_exactly(50_000) == b"x" * 50_000
    await peer.send(b"y" * 50_000)
    assert await protocol.received(50_000) == b"y" * 50_000
    assert transport.get_extra_info("made by") == "hand"
    transport.close()
    assert await peer.receive() == b""
    await peer.say_goodbye()
    assert await protocol.lost() is None
    theirs.close()


@on_loop
async def test_server_and_client_upgrade_each_other(loop):
    """As a mail server and its client do, by the streams of the standard library."""

    async def handle(reader, writer):
        while line := await reader.readline():
            if line == b"STARTTLS\r\n":
                writer.write(b"220 go ahead\r\n")
                await writer.drain()
                await writer.start_tls(server_context())
            else:
                writer.write(b"250 " + line)
        writer.close()
        await writer.wait_closed()

    handlers = []
    server = await asyncio.start_server(
        lambda *pair: handlers.append(asyncio.ensure_future(handle(*pair))), LOOPBACK, 0
    )
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"HELO\r\n")
    assert await reader.readline() == b"250 HELO\r\n"
    writer.write(b"STARTTLS\r\n")
    assert await reader.readline() == b"220 go ahead\r\n"
    await writer.start_tls(client_context(), server_hostname=HOST)
    writer.write(b"EHLO\r\n")
    assert await reader.readline() == b"250 EHLO\r\n"
    assert writer.get_extra_info("ssl_object") is not None
    writer.close()
    await writer.wait_closed()
    await asyncio.gather(*handlers)
    server.close()
    await server.wait_closed()
