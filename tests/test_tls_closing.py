"""How TLS connections end: close_notify both ways, truncated and broken streams, timeouts, aborts."""

import asyncio
import socket
import ssl

import pytest
from helpers.running import on_loop, turns
from helpers.streams import Echo, Factory, Recorder, address, arrived, connected_sockets, fill, reset, serving
from helpers.tls import HOST, VERSIONS, Peer, client_context, server_context, tls_linked, until_closed

pytestmark = pytest.mark.usefixtures("use_tls_engine")

SIDES = pytest.mark.parametrize("server_side", [False, True], ids=["client", "server"])
EACH_VERSION = pytest.mark.parametrize("version", VERSIONS, ids=["1.2", "1.3"])


# --- we end it ---------------------------------------------------------------------------------


@SIDES
@EACH_VERSION
@on_loop
async def test_close_says_goodbye_and_waits_for_the_answer(loop, server_side, version):
    async with tls_linked(loop, server_side=server_side, version=version) as link:
        sock = link.transport.get_extra_info("socket")
        link.transport.close()
        assert link.transport.is_closing()
        assert await link.peer.receive() == b""
        await turns(3)
        assert sock.fileno() != -1
        await link.peer.say_goodbye()
        assert await link.protocol.lost() is None
        assert link.protocol.events == ["made", "eof", "lost"]


@on_loop
async def test_close_sends_what_is_buffered(loop):
    async with tls_linked(loop) as link:
        data = bytes(range(256)) * 8192
        link.transport.write(data)
        link.transport.close()
        assert await link.peer.receive_all() == data
        await link.peer.say_goodbye()
        assert await link.protocol.lost() is None


@on_loop
async def test_close_does_not_linger_when_the_peer_is_gone(loop):
    async with tls_linked(loop) as link:
        link.transport.close()
        assert await link.peer.receive() == b""
        link.peer.sock.close()
        assert await link.protocol.lost() is None


@on_loop
async def test_close_after_a_reset(loop):
    async with tls_linked(loop) as link:
        link.transport.write(b"data")
        await link.peer.receive_exactly(4)
        link.transport.close()
        reset(link.peer.sock)
        assert isinstance(await link.protocol.lost(), ConnectionError | None)


@pytest.mark.tulipa_only  # asyncio ends with SSLError: APPLICATION_DATA_AFTER_CLOSE_NOTIFY
@on_loop
async def test_what_the_peer_sends_after_our_goodbye_is_dropped(loop):
    async with tls_linked(loop) as link:
        link.transport.close()
        await link.peer.send(b"did not hear you" * 10_000)
        assert await link.peer.receive() == b""
        await link.peer.say_goodbye()
        assert await link.protocol.lost() is None
        assert link.protocol.events == ["made", "eof", "lost"]


@on_loop
async def test_no_data_after_close(loop):
    class Closing(Recorder):
        def data_received(self, data):
            super().data_received(data)
            self.transport.close()

    async with tls_linked(loop, Closing()) as link:
        await link.peer.send(b"one")
        assert await link.peer.receive() == b""
        await link.peer.say_goodbye()
        assert await link.protocol.lost() is None
        assert link.protocol.events == ["made", "data", "eof", "lost"]


@on_loop
async def test_shutdown_times_out(loop):
    async with tls_linked(loop, ssl_shutdown_timeout=0.01) as link:
        link.transport.close()
        error = await link.protocol.lost()
        assert isinstance(error, TimeoutError)
        assert "SSL shutdown timed out" in str(error)


@on_loop
async def test_shutdown_times_out_while_the_peer_does_not_read(loop):
    async with tls_linked(loop, kind="unix", ssl_shutdown_timeout=0.01) as link:
        link.transport.write(bytes(10_000_000))
        link.transport.close()
        assert isinstance(await link.protocol.lost(), TimeoutError)


@pytest.mark.tulipa_only  # asyncio waits for it for ever
@on_loop
async def test_a_peer_that_says_goodbye_and_does_not_read(loop):
    async with tls_linked(loop, kind="unix", ssl_shutdown_timeout=0.05) as link:
        fill(link.transport.get_extra_info("socket"))
        link.transport.write(b"x" * 10_000)
        await link.peer.say_goodbye()
        assert isinstance(await link.protocol.lost(), TimeoutError)
        assert link.protocol.events == ["made", "eof", "lost"]


@on_loop
async def test_close_while_reading_is_paused(loop):
    async with tls_linked(loop) as link:
        link.transport.pause_reading()
        link.transport.close()
        assert await link.peer.receive() == b""
        await link.peer.say_goodbye()
        assert await link.protocol.lost() is None


@pytest.mark.tulipa_only  # closing twice makes asyncio deaf to abort()
@on_loop
async def test_close_twice_and_abort_after(loop):
    async with tls_linked(loop) as link:
        link.transport.close()
        link.transport.close()
        link.transport.abort()
        link.transport.abort()
        link.transport.close()
        assert await link.protocol.lost() is None
        assert link.protocol.events == ["made", "lost"]


@on_loop
async def test_abort_sends_nothing_more(loop):
    async with tls_linked(loop, kind="unix") as link:
        fill(link.transport.get_extra_info("socket"))
        link.transport.write(b"never sent")
        link.transport.abort()
        assert link.transport.is_closing()
        assert await link.protocol.lost() is None


@on_loop
async def test_writing_after_close(loop, caplog):
    async with tls_linked(loop) as link:
        link.transport.close()
        for _ in range(10):
            link.transport.write(b"too late")
        assert await link.peer.receive() == b""
        await link.peer.say_goodbye()
        await link.protocol.lost()
        link.transport.write(b"much too late")
    assert "closed" in caplog.text
    caplog.clear()


# --- the peer ends it --------------------------------------------------------------------------


@SIDES
@EACH_VERSION
@on_loop
async def test_peer_says_goodbye(loop, server_side, version):
    async with tls_linked(loop, server_side=server_side, version=version) as link:
        await link.peer.send(b"last words")
        await link.peer.say_goodbye()
        assert await link.protocol.lost() is None
        assert link.protocol.data == b"last words"
        assert link.protocol.events[-2:] == ["eof", "lost"]
        assert await link.peer.receive() == b""


@on_loop
async def test_answer_at_the_end(loop):
    class Answering(Recorder):
        def eof_received(self):
            super().eof_received()
            self.transport.write(b"answer" * 100_000)

    async with tls_linked(loop, Answering()) as link:
        await link.peer.say_goodbye()
        assert await link.peer.receive_all() == b"answer" * 100_000
        assert await link.protocol.lost() is None


@on_loop
async def test_it_can_not_stay_half_open(loop, caplog):
    async with tls_linked(loop, Recorder(keep_open=True)) as link:
        await link.peer.say_goodbye()
        assert await link.protocol.lost() is None
    assert "returning true from eof_received() has no effect when using ssl" in caplog.text
    caplog.clear()


@SIDES
@on_loop
async def test_truncated_stream(loop, server_side):
    """The end of the stream without close_notify is an end like another, as asyncio has it."""
    async with tls_linked(loop, server_side=server_side) as link:
        await link.peer.send(b"that is a")
        link.peer.sock.shutdown(socket.SHUT_WR)
        assert await link.protocol.lost() is None
        assert link.protocol.data == b"that is a"
        assert link.protocol.events[-2:] == ["eof", "lost"]


@on_loop
async def test_truncated_record(loop):
    async with tls_linked(loop) as link:
        record = link.peer.encrypt(b"whole") + link.peer.encrypt(b"half")[:-3]
        await loop.sock_sendall(link.peer.sock, record)
        link.peer.sock.close()
        assert await link.protocol.lost() is None
        assert link.protocol.data == b"whole"


@EACH_VERSION
@on_loop
async def test_broken_record(loop, version):
    async with tls_linked(loop, version=version) as link:
        record = bytearray(link.peer.encrypt(b"something"))
        record[-1] ^= 1
        await loop.sock_sendall(link.peer.sock, record)
        error = await link.protocol.lost()
        assert type(error) is ssl.SSLError
        assert (error.library, error.reason) == ("SSL", "DECRYPTION_FAILED_OR_BAD_RECORD_MAC")
        assert str(error).startswith(
            "[SSL: DECRYPTION_FAILED_OR_BAD_RECORD_MAC] decryption failed or bad record mac"
        )
        assert error.errno == ssl.SSL_ERROR_SSL
        assert link.protocol.events == ["made", "lost"]


@pytest.mark.tulipa_only  # asyncio loses what came before
@on_loop
async def test_what_came_before_a_broken_record_is_not_lost(loop):
    async with tls_linked(loop) as link:
        record = link.peer.encrypt(b"good", b"better") + bytes(200)
        await loop.sock_sendall(link.peer.sock, record)
        assert isinstance(await link.protocol.lost(), ssl.SSLError)
        assert link.protocol.data == b"goodbetter"


@pytest.mark.tulipa_only  # asyncio drops the alert
@on_loop
async def test_the_peer_is_told_of_a_broken_record(loop):
    async with tls_linked(loop) as link:
        await loop.sock_sendall(link.peer.sock, b"\x17\x03\x03\x00\x20" + bytes(32))
        assert isinstance(await link.protocol.lost(), ssl.SSLError)
        with pytest.raises(ssl.SSLError, match="SSLV3_ALERT_BAD_RECORD_MAC"):
            await link.peer.receive()


@on_loop
async def test_something_that_is_no_record(loop):
    async with tls_linked(loop) as link:
        await loop.sock_sendall(link.peer.sock, b"GET / HTTP/1.1\r\n\r\n")
        error = await link.protocol.lost()
        assert isinstance(error, ssl.SSLError)
        assert error.reason


@on_loop
async def test_peer_rejects_our_certificate_after_the_handshake(loop):
    """In TLS 1.3 a client has finished before the server has looked at its certificate."""
    context = server_context()
    context.verify_mode = ssl.CERT_REQUIRED
    async with tls_linked(loop, context=client_context(), peer_context=_no_client_certificate()) as link:
        error = await link.protocol.lost()
        assert isinstance(error, ssl.SSLError)
        assert error.reason == "TLSV13_ALERT_CERTIFICATE_REQUIRED"


def _no_client_certificate():
    context = server_context(ssl.TLSVersion.TLSv1_3)
    context.verify_mode = ssl.CERT_REQUIRED
    return _Forgiving(context)


class _Forgiving:
    """A server's context whose handshake fails without failing the test."""

    def __init__(self, context):
        self._context = context

    def wrap_bio(self, *args, **kwargs):
        return _ForgivingObject(self._context.wrap_bio(*args, **{k: v for k, v in kwargs.items() if v is not None}))


class _ForgivingObject:
    def __init__(self, ssl_object):
        self._ssl_object = ssl_object

    def do_handshake(self):
        try:
            self._ssl_object.do_handshake()
        except ssl.SSLWantReadError:
            raise
        except ssl.SSLError:
            pass

    def __getattr__(self, name):
        return getattr(self._ssl_object, name)


# --- during the handshake ----------------------------------------------------------------------


@SIDES
@on_loop
async def test_handshake_times_out(loop, server_side):
    ours, theirs = connected_sockets()
    with theirs:
        with pytest.raises(ConnectionAbortedError, match="SSL handshake is taking longer than 0.01 seconds"):
            await _open(loop, ours, server_side, ssl_handshake_timeout=0.01)
        await until_closed(ours)


def _open(loop, sock, server_side, factory=Recorder, **options):
    if server_side:
        return loop.connect_accepted_socket(factory, sock, ssl=server_context(), **options)
    return loop.create_connection(factory, sock=sock, ssl=client_context(), server_hostname=HOST, **options)


@SIDES
@on_loop
async def test_peer_goes_during_the_handshake(loop, server_side):
    ours, theirs = connected_sockets()
    theirs.close()
    with pytest.raises(ConnectionResetError):
        await _open(loop, ours, server_side)
    await until_closed(ours)


@SIDES
@on_loop
async def test_cancelled_during_the_handshake(loop, server_side):
    ours, theirs = connected_sockets()
    protocol = Recorder()
    with theirs:
        opening = loop.create_task(_open(loop, ours, server_side, lambda: protocol))
        await turns(5)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        await until_closed(ours)
    assert protocol.events == []


@SIDES
@on_loop
async def test_garbage_during_the_handshake(loop, server_side):
    ours, theirs = connected_sockets()
    with theirs:
        await loop.sock_sendall(theirs, b"220 mail.example ESMTP\r\n")
        with pytest.raises(ssl.SSLError):
            await _open(loop, ours, server_side)
        await until_closed(ours)


@pytest.mark.tulipa_only  # asyncio drops the alert
@on_loop
async def test_peer_is_told_why_the_handshake_failed(loop):
    ours, theirs = connected_sockets()
    peer = Peer(loop, theirs, server_context(), server_side=True)
    context = ssl.create_default_context()
    opening = loop.create_connection(Recorder, sock=ours, ssl=context, server_hostname=HOST)
    with theirs:
        results = await asyncio.gather(opening, peer.handshake(), return_exceptions=True)
        assert isinstance(results[0], ssl.SSLCertVerificationError)
        if results[1] is None:
            with pytest.raises(ssl.SSLError, match="TLSV1_ALERT_UNKNOWN_CA"):
                await peer.receive()
        else:
            assert results[1].reason == "TLSV1_ALERT_UNKNOWN_CA"
        await until_closed(ours)


@pytest.mark.usefixtures("without_debug")
@on_loop
async def test_a_failed_handshake_on_a_server_is_no_ones_fault(loop, loop_errors):
    factory = Factory(Echo)
    async with serving(loop, factory, ssl=server_context()) as server:
        with pytest.raises(ssl.SSLError):
            await loop.create_connection(
                Recorder, *address(server), ssl=ssl.create_default_context(), server_hostname=HOST
            )
    assert loop_errors == []


@on_loop
async def test_handshake_that_fails_leaves_nothing_to_read(loop):
    ours, theirs = connected_sockets()
    with theirs:
        opening = loop.create_task(_open(loop, ours, False))
        await turns(5)
        assert arrived(theirs)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        await until_closed(ours)
