"""TLS connections: handshakes, data both ways, what is known of a connection, and how it ends."""

import asyncio
import socket
import ssl
import weakref

import pytest
from helpers.running import on_loop, turns
from helpers.streams import (
    LOOPBACK,
    BufferedRecorder,
    Echo,
    Factory,
    Recorder,
    address,
    connected_sockets,
    reset,
    serving,
)
from helpers.tls import (
    HOST,
    VERSIONS,
    Peer,
    authority,
    certificate,
    client_context,
    server_context,
    tls_linked,
    until_closed,
)

pytestmark = pytest.mark.usefixtures("use_tls_engine")

SIDES = pytest.mark.parametrize("server_side", [False, True], ids=["client", "server"])
EACH_VERSION = pytest.mark.parametrize("version", VERSIONS, ids=["1.2", "1.3"])


# --- data --------------------------------------------------------------------------------------


@SIDES
@EACH_VERSION
@pytest.mark.parametrize("kind", ["tcp", "unix"])
@on_loop
async def test_data_both_ways(loop, server_side, version, kind):
    async with tls_linked(loop, server_side=server_side, version=version, kind=kind) as link:
        link.transport.write(b"to the peer")
        assert await link.peer.receive_exactly(11) == b"to the peer"
        await link.peer.send(b"from the peer")
        assert await link.protocol.received(13) == b"from the peer"
        assert link.protocol.events == ["made", "data"]


@SIDES
@on_loop
async def test_large_data_both_ways(loop, server_side):
    async with tls_linked(loop, Echo(), server_side=server_side) as link:
        data = bytes(range(256)) * 8192
        received, _ = await asyncio.gather(link.peer.receive_exactly(len(data)), link.peer.send(data))
        assert received == data


@pytest.mark.parametrize("size", [1, 5000, 1 << 20])
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
@on_loop
async def test_sizes_and_types_of_data(loop, kind, size):
    async with tls_linked(loop) as link:
        data = (b"0123456789abcdef" * (size // 16 + 1))[:size]
        link.transport.write(kind(data))
        assert await link.peer.receive_exactly(size) == data


@on_loop
async def test_memory_that_changes_after_write(loop):
    async with tls_linked(loop) as link:
        for size in (10, 100_000):
            memory = bytearray(b"a" * size)
            link.transport.write(memory)
            memory[:] = b"b" * size
            assert await link.peer.receive_exactly(size) == b"a" * size
            memory.extend(b"no view of it is kept")


@pytest.mark.tulipa_only  # asyncio ends the connection
@on_loop
async def test_memory_of_other_shapes(loop):
    async with tls_linked(loop) as link:
        link.transport.write(memoryview(bytes(range(200)) * 100)[::2])
        assert await link.peer.receive_exactly(10_000) == (bytes(range(200)) * 100)[::2]
        link.transport.write(memoryview(bytes(8000)).cast("Q"))
        assert await link.peer.receive_exactly(8000) == bytes(8000)


@on_loop
async def test_many_small_writes_keep_their_order(loop):
    async with tls_linked(loop) as link:
        pieces = [str(number).encode() for number in range(10_000)]
        for piece in pieces[:5000]:
            link.transport.write(piece)
        link.transport.writelines(pieces[5000:])
        whole = b"".join(pieces)
        assert await link.peer.receive_exactly(len(whole)) == whole


@on_loop
async def test_small_and_large_writes_keep_their_order(loop):
    async with tls_linked(loop) as link:
        pieces = [bytes([number]) * size for number, size in enumerate([3, 20_000, 1, 1, 300_000, 16384, 5, 16385])]
        for piece in pieces:
            link.transport.write(piece)
        whole = b"".join(pieces)
        assert await link.peer.receive_exactly(len(whole)) == whole


@on_loop
async def test_nothing_is_written(loop):
    async with tls_linked(loop) as link:
        link.transport.write(b"")
        link.transport.write(bytearray())
        link.transport.writelines([])
        link.transport.writelines([b"", b"x"])
        assert await link.peer.receive_exactly(1) == b"x"


@pytest.mark.parametrize("data", ["text", None, 3, [b"list"]])
@on_loop
async def test_what_can_not_be_written(loop, data):
    async with tls_linked(loop) as link:
        with pytest.raises(TypeError):
            link.transport.write(data)


@on_loop
async def test_writing_in_connection_made(loop):
    class Greeting(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.write(b"welcome")

    async with tls_linked(loop, Greeting(), server_side=True) as link:
        assert await link.peer.receive_exactly(7) == b"welcome"


@on_loop
async def test_data_that_comes_with_the_end_of_the_handshake(loop):
    """The client's last flight and its first data in one segment."""
    ours, theirs = connected_sockets()
    peer = Peer(loop, theirs, client_context(), server_side=False, server_hostname=HOST)
    protocol = Recorder()
    opening = asyncio.ensure_future(loop.connect_accepted_socket(lambda: protocol, ours, ssl=server_context()))
    with theirs:
        while True:
            try:
                peer.ssl_object.do_handshake()
                break
            except ssl.SSLWantReadError:
                await peer.flush()
                peer._incoming.write(await loop.sock_recv(theirs, 65536))
        peer.ssl_object.write(b"early bird")
        await peer.flush()
        transport, _ = await opening
        assert await protocol.received(10) == b"early bird"
        transport.abort()
        await protocol.lost()


# --- buffered protocols ------------------------------------------------------------------------


@SIDES
@pytest.mark.parametrize("size", [1, 1000, 100_000])
@on_loop
async def test_buffered_protocol(loop, server_side, size):
    async with tls_linked(loop, BufferedRecorder(size=size), server_side=server_side) as link:
        await link.peer.send(b"0123456789" * 50)
        assert await link.protocol.received(500) == b"0123456789" * 50
        link.transport.write(b"answer")
        assert await link.peer.receive_exactly(6) == b"answer"


@on_loop
async def test_buffered_protocol_gets_the_end(loop):
    async with tls_linked(loop, BufferedRecorder()) as link:
        await link.peer.send(b"last words")
        await link.peer.say_goodbye()
        assert await link.protocol.lost() is None
        assert link.protocol.data == b"last words"
        assert link.protocol.events == ["made", "data", "eof", "lost"]


@pytest.mark.parametrize(("first", "second"), [(Recorder, BufferedRecorder), (BufferedRecorder, Recorder)])
@on_loop
async def test_set_protocol_changes_how_it_reads(loop, first, second):
    async with tls_linked(loop, first()) as link:
        await link.peer.send(b"one")
        assert await link.protocol.received(3) == b"one"
        other = second()
        link.transport.set_protocol(other)
        assert link.transport.get_protocol() is other
        await link.peer.send(b"two")
        assert await other.received(3) == b"two"
        link.transport.abort()
        await other.lost()
        link.protocol.note("lost")


@pytest.mark.tulipa_only  # asyncio asks for a buffer without having data, and breaks the handshake
@on_loop
async def test_buffered_protocol_without_a_buffer(loop, loop_errors):
    class Broken(BufferedRecorder):
        def get_buffer(self, sizehint):
            raise ZeroDivisionError

    async with tls_linked(loop, Broken()) as link:
        await link.peer.send(b"data")
        assert type(await link.protocol.lost()) is ZeroDivisionError
        assert [type(context["exception"]) for context in loop_errors] == [ZeroDivisionError]
        loop_errors.clear()


# --- what is known of a connection ---------------------------------------------------------------


@EACH_VERSION
@on_loop
async def test_extra_info_of_a_client(loop, version):
    context = client_context(version)
    async with tls_linked(loop, context=context) as link:
        info = link.transport.get_extra_info
        assert info("sslcontext") is context
        assert isinstance(info("ssl_object"), ssl.SSLObject)
        assert info("ssl_object").server_hostname == HOST
        assert info("ssl_object").version() == {VERSIONS[0]: "TLSv1.2", VERSIONS[1]: "TLSv1.3"}[version]
        assert info("cipher") == info("ssl_object").cipher()
        assert info("compression") is None
        assert ("DNS", HOST) in info("peercert")["subjectAltName"]
        assert info("peername") == link.peer.sock.getsockname()
        assert info("sockname") == link.peer.sock.getpeername()
        assert info("socket").fileno() > 0
        assert info("unheard of") is None
        assert info("unheard of", 3) == 3


@on_loop
async def test_name_of_its_class_says_ssl(loop):
    """Programs look for it there."""
    async with tls_linked(loop) as link:
        assert "ssl" in link.transport.__class__.__name__.lower()
        assert isinstance(link.transport, asyncio.Transport)


@on_loop
async def test_extra_info_of_a_server(loop):
    async with tls_linked(loop, server_side=True) as link:
        assert link.transport.get_extra_info("peercert") is None or not link.transport.get_extra_info("peercert")
        assert link.transport.get_extra_info("ssl_object").server_side


@on_loop
async def test_it_is_a_transport(loop):
    async with tls_linked(loop) as link:
        assert isinstance(link.transport, asyncio.Transport)
        assert link.transport.get_protocol() is link.protocol
        assert link.transport.is_reading() and not link.transport.is_closing()
        assert not link.transport.can_write_eof()
        with pytest.raises(NotImplementedError):
            link.transport.write_eof()
        repr(link.transport)


# --- contexts ----------------------------------------------------------------------------------


@SIDES
@on_loop
async def test_alpn(loop, server_side):
    ours = server_context() if server_side else client_context()
    theirs = client_context() if server_side else server_context()
    ours.set_alpn_protocols(["h2", "http/1.1"])
    theirs.set_alpn_protocols(["http/1.1"])
    async with tls_linked(loop, server_side=server_side, context=ours, peer_context=theirs) as link:
        assert link.transport.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"


@on_loop
async def test_server_chooses_by_name(loop):
    other = server_context(name="other.example")
    names = []

    def choose(ssl_object, name, context):
        names.append(name)
        ssl_object.context = other

    context = server_context()
    context.sni_callback = choose
    peer_context = client_context()
    peer_context.check_hostname = False
    async with tls_linked(loop, server_side=True, context=context, peer_context=peer_context) as link:
        assert names == [HOST]
        assert ("DNS", "other.example") in link.peer.ssl_object.getpeercert()["subjectAltName"]
        assert link.transport.get_extra_info("ssl_object").context is other
        await link.peer.send(b"data")
        assert await link.protocol.received(4) == b"data"


@EACH_VERSION
@on_loop
async def test_client_certificate(loop, version):
    context = server_context(version)
    context.verify_mode = ssl.CERT_REQUIRED
    authority().configure_trust(context)
    peer_context = client_context()
    certificate("client.example").configure_cert(peer_context)
    async with tls_linked(loop, server_side=True, context=context, peer_context=peer_context) as link:
        assert ("DNS", "client.example") in link.transport.get_extra_info("peercert")["subjectAltName"]


@EACH_VERSION
@on_loop
async def test_client_certificate_is_missing(loop, version):
    context = server_context(version)
    context.verify_mode = ssl.CERT_REQUIRED
    ours, theirs = connected_sockets()
    peer = Peer(loop, theirs, client_context(), server_side=False, server_hostname=HOST)
    opening = loop.connect_accepted_socket(Recorder, ours, ssl=context)
    results = await asyncio.gather(opening, peer.handshake(), return_exceptions=True)
    assert isinstance(results[0], ssl.SSLError)
    assert results[0].reason == "PEER_DID_NOT_RETURN_A_CERTIFICATE"
    theirs.close()
    await until_closed(ours)


@EACH_VERSION
@on_loop
async def test_session_is_resumed(loop, version):
    context, server = client_context(version), server_context()
    async with serving(loop, Factory(Echo), ssl=server) as listening:
        for resumed in (False, True):
            protocol = Recorder()
            transport, _ = await loop.create_connection(
                lambda protocol=protocol: protocol, *address(listening), ssl=_Resuming(context), server_hostname=HOST
            )
            transport.write(b"ticket?")
            await protocol.received(7)
            ssl_object = transport.get_extra_info("ssl_object")
            assert ssl_object.session_reused is resumed
            _Resuming.session = ssl_object.session
            assert ssl_object.session.has_ticket
            transport.close()
            await protocol.lost()
        _Resuming.session = None


class _Resuming:
    """A context whose connections go on with an earlier session."""

    session = None

    def __init__(self, context):
        self._context = context

    def wrap_bio(self, *args, **kwargs):
        return self._context.wrap_bio(*args, session=self.session, **kwargs)


# --- names -------------------------------------------------------------------------------------


@on_loop
async def test_the_host_is_the_name_by_default(loop):
    async with serving(loop, Factory(Echo), ssl=server_context()) as server:
        protocol = Recorder()
        transport, _ = await loop.create_connection(
            lambda: protocol, "localhost", address(server)[1], family=socket.AF_INET, ssl=client_context()
        )
        assert transport.get_extra_info("ssl_object").server_hostname == "localhost"
        transport.close()
        await protocol.lost()


@pytest.mark.usefixtures("without_debug")
@pytest.mark.parametrize("name", ["wrong.example", "192.0.2.1"])
@on_loop
async def test_wrong_name(loop, name):
    async with serving(loop, Factory(Echo), ssl=server_context()) as server:
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            await loop.create_connection(Recorder, *address(server), ssl=client_context(), server_hostname=name)
        assert name in str(caught.value)
        assert caught.value.verify_message


@pytest.mark.usefixtures("without_debug")
@on_loop
async def test_unknown_authority(loop):
    async with serving(loop, Factory(Echo), ssl=server_context()) as server:
        with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer certificate"):
            await loop.create_connection(Recorder, "localhost", address(server)[1], ssl=ssl.create_default_context())


@pytest.mark.usefixtures("without_debug")
@on_loop
async def test_default_context_trusts_nobody_of_us(loop):
    async with serving(loop, Factory(Echo), ssl=server_context()) as server:
        with pytest.raises(ssl.SSLCertVerificationError):
            await loop.create_connection(Recorder, *address(server), ssl=True)


@on_loop
async def test_no_name_is_checked_where_it_is_empty(loop):
    async with serving(loop, Factory(Echo), ssl=server_context(name="other.example")) as server:
        protocol = Recorder()
        transport, _ = await loop.create_connection(
            lambda: protocol, *address(server), ssl=client_context(), server_hostname=""
        )
        assert transport.get_extra_info("ssl_object").server_hostname is None
        transport.close()
        await protocol.lost()


@on_loop
async def test_name_is_needed_without_a_host(loop):
    ours, theirs = connected_sockets()
    with ours, theirs:
        with pytest.raises(ValueError, match="server_hostname"):
            await loop.create_connection(Recorder, sock=ours, ssl=client_context())


# --- arguments ---------------------------------------------------------------------------------


@pytest.mark.parametrize("debug", [False, True])
@on_loop
async def test_a_server_is_told_of_failed_handshakes_in_debug_mode(loop, loop_errors, debug):
    loop.set_debug(debug)
    async with serving(loop, Factory(), ssl=server_context()) as server:
        with socket.create_connection(address(server)) as sock:
            sock.setblocking(False)
            await loop.sock_sendall(sock, b"GET / HTTP/1.0\r\n\r\n")
            while await loop.sock_recv(sock, 1000):
                pass
        await turns(5)
    loop.set_debug(False)
    reported = [context["exception"] for context in loop_errors]
    loop_errors.clear()
    assert [error.reason for error in reported] == ["HTTP_REQUEST"] * debug


@pytest.mark.parametrize("option", ["ssl_handshake_timeout", "ssl_shutdown_timeout"])
@pytest.mark.parametrize("value", [0, -1])
@on_loop
async def test_timeouts_are_positive(loop, option, value):
    ours, theirs = connected_sockets()
    with ours, theirs:
        with pytest.raises(ValueError, match=option):
            await loop.create_connection(
                Recorder, sock=ours, ssl=client_context(), server_hostname=HOST, **{option: value}
            )


@pytest.mark.tulipa_only
@on_loop
async def test_something_else_as_context(loop):
    with pytest.raises(TypeError, match="SSLContext.*'context'"):
        await loop.create_connection(Recorder, LOOPBACK, 1, ssl="context")
    with pytest.raises(TypeError, match="SSLContext"):
        await loop.create_server(Recorder, LOOPBACK, 0, ssl=3)


@on_loop
async def test_servers_need_a_context(loop):
    ours, theirs = connected_sockets()
    with ours, theirs:
        with pytest.raises(ValueError, match="SSLContext"):
            await loop.connect_accepted_socket(Recorder, ours, ssl=True)
        with pytest.raises(TypeError, match="SSLContext"):
            await loop.create_server(Recorder, LOOPBACK, 0, ssl=True)


# --- servers and UNIX sockets ------------------------------------------------------------------


@on_loop
async def test_unix_server_and_client(loop, tmp_path):
    path = str(tmp_path / "tls")
    factory = Factory(Echo)
    server = await loop.create_unix_server(factory, path, ssl=server_context())
    protocol = Recorder()
    transport, _ = await loop.create_unix_connection(
        lambda: protocol, path, ssl=client_context(), server_hostname=HOST
    )
    transport.write(b"over a file")
    assert await protocol.received(11) == b"over a file"
    transport.close()
    assert await protocol.lost() is None
    assert await factory.made[0].lost() is None
    server.close()
    await server.wait_closed()


@on_loop
async def test_many_connections_at_once(loop):
    async def talk(number):
        protocol = Recorder()
        transport, _ = await loop.create_connection(
            lambda: protocol, *address(server), ssl=client_context(), server_hostname=HOST
        )
        data = str(number).encode() * 1000
        transport.write(data)
        assert await protocol.received(len(data)) == data
        transport.close()
        assert await protocol.lost() is None

    async with serving(loop, Factory(Echo), ssl=server_context()) as server:
        await asyncio.gather(*map(talk, range(20)))


@pytest.mark.usefixtures("without_debug")
@on_loop
async def test_client_that_speaks_no_tls(loop):
    factory = Factory(Echo)
    async with serving(loop, factory, ssl=server_context()) as server:
        with socket.create_connection(address(server)) as sock:
            sock.setblocking(False)
            await loop.sock_sendall(sock, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            while await loop.sock_recv(sock, 1000):
                pass
    # Its protocol never had a connection.
    assert [protocol.events for protocol in factory.made] == [[]]


@on_loop
async def test_server_that_speaks_no_tls(loop):
    async with serving(loop, Factory(Echo)) as server:
        with pytest.raises(ssl.SSLError):
            await loop.create_connection(Recorder, *address(server), ssl=client_context(), server_hostname=HOST)


@pytest.mark.std_since(3, 13)
@pytest.mark.parametrize("how", ["close_clients", "abort_clients"])
@on_loop
async def test_server_ends_its_connections(loop, how):
    factory = Factory()
    async with serving(loop, factory, ssl=server_context()) as server:
        protocol = Recorder()
        await loop.create_connection(
            lambda: protocol, *address(server), ssl=client_context(), server_hostname=HOST
        )
        theirs = await factory.connected()
        server.close()
        getattr(server, how)()
        assert await protocol.lost() is None
        assert await theirs.lost() is None
        await server.wait_closed()


# --- freed -------------------------------------------------------------------------------------


@pytest.mark.tulipa_only  # asyncio leaves it to the garbage collector
@on_loop
async def test_nothing_keeps_it_when_it_is_over(loop):
    async with tls_linked(loop) as link:
        await link.peer.send(b"data")
        await link.protocol.received(4)
        transport = weakref.ref(link.transport)
    link.transport = link.protocol.transport = None
    await turns(3)
    assert transport() is None


@on_loop
async def test_reset_by_the_peer(loop):
    async with tls_linked(loop) as link:
        reset(link.peer.sock)
        assert isinstance(await link.protocol.lost(), ConnectionResetError)
