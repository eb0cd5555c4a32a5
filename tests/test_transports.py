"""What a stream transport does for its protocol: writing, half-closing, closing, and what it tells of itself."""

import array
import asyncio
import socket

import pytest
from helpers.running import on_loop, turns
from helpers.streams import (
    LOOPBACK,
    Factory,
    Recorder,
    address,
    arrived,
    closed,
    connected_sockets,
    fill,
    has_ipv6,
    linked,
    receive_all,
    receive_exactly,
    reset,
    serving,
)

both_kinds = pytest.mark.parametrize("kind", ["tcp", "unix"])
big = bytes(range(256)) * 20_000


# --- what it is --------------------------------------------------------------------------------


@both_kinds
@on_loop
async def test_is_an_asyncio_transport(loop, kind):
    async with linked(loop, kind=kind) as link:
        assert isinstance(link.transport, asyncio.Transport)
        assert isinstance(link.transport, asyncio.ReadTransport)
        assert isinstance(link.transport, asyncio.WriteTransport)
        assert isinstance(link.transport, asyncio.BaseTransport)
        assert link.transport.get_protocol() is link.protocol
        assert link.transport.can_write_eof() is True
        assert link.transport.is_reading() is True
        assert link.transport.is_closing() is False


@on_loop
async def test_connection_made_comes_before_the_connection_is_returned(loop):
    async with linked(loop) as link:
        assert link.protocol.events == ["made"]
        assert link.protocol.transport is link.transport


@on_loop
async def test_extra_info_of_tcp(loop):
    async with linked(loop, kind="tcp") as link:
        sock = link.transport.get_extra_info("socket")
        assert link.transport.get_extra_info("sockname") == link.peer.getpeername()
        assert link.transport.get_extra_info("peername") == link.peer.getsockname()
        assert (sock.family, sock.type) == (socket.AF_INET, socket.SOCK_STREAM)
        assert sock.getsockname() == link.peer.getpeername()
        assert sock.getpeername() == link.peer.getsockname()
        assert sock.fileno() > 0
        assert sock.gettimeout() == 0


@on_loop
async def test_extra_info_of_unix(loop):
    async with linked(loop, kind="unix") as link:
        assert link.transport.get_extra_info("sockname") == ""
        assert link.transport.get_extra_info("socket").family == socket.AF_UNIX


@on_loop
async def test_extra_info_that_is_not_there(loop):
    async with linked(loop) as link:
        assert link.transport.get_extra_info("sslcontext") is None
        assert link.transport.get_extra_info("tea") is None
        assert link.transport.get_extra_info("tea", "Earl Grey") == "Earl Grey"


@on_loop
async def test_extra_info_outlives_the_connection(loop):
    async with linked(loop) as link:
        peername = link.peer.getsockname()
        link.transport.close()
        await link.protocol.lost()
        assert link.transport.get_extra_info("peername") == peername


@pytest.mark.parametrize("host", [LOOPBACK, "::1"] if has_ipv6() else [LOOPBACK])
@on_loop
async def test_extra_info_may_be_asked_for_late(loop, host):
    """When the connection was reset, the kernel knows its names no more."""
    served = Factory()
    async with serving(loop, served, host=host) as server:
        peer = socket.create_connection(address(server)[:2])
        names = peer.getpeername(), peer.getsockname()
        protocol = await served.connected()
        reset(peer)
        await protocol.lost()
        transport = protocol.transport
        assert (transport.get_extra_info("sockname"), transport.get_extra_info("peername")) == names
        assert transport.get_extra_info("socket").fileno() == -1


@on_loop
async def test_attributes_of_the_programs_own(loop):
    async with linked(loop) as link:
        link.transport.note = "tea"
        assert link.transport.note == "tea"
        assert vars(link.transport)["note"] == "tea"
        del link.transport.note
        with pytest.raises(AttributeError):
            link.transport.note  # noqa: B018


@on_loop
async def test_socket_options_can_be_set(loop):
    async with linked(loop, kind="tcp") as link:
        sock = link.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) != 0


@on_loop
async def test_small_writes_are_not_delayed_by_the_kernel(loop):
    async with linked(loop, kind="tcp") as link:
        sock = link.transport.get_extra_info("socket")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


@on_loop
async def test_repr_tells_the_state(loop):
    async with linked(loop) as link:
        transport = link.transport
        fileno = transport.get_extra_info("socket").fileno()
        assert f"fd={fileno}" in repr(transport)
        transport.close()
        assert "closing" in repr(transport) or "closed" in repr(transport)
        await closed(transport)
        assert "closed" in repr(transport)


# --- writing -----------------------------------------------------------------------------------


@both_kinds
@pytest.mark.parametrize(
    "data",
    [
        b"bytes",
        bytearray(b"bytearray"),
        memoryview(b"memoryview"),
        memoryview(b"every second byte")[::1],
        big,
    ],
    ids=lambda data: f"{type(data).__name__}-{len(data)}",
)
@on_loop
async def test_write_delivers(loop, kind, data):
    async with linked(loop, kind=kind) as link:
        link.transport.write(data)
        assert await receive_exactly(loop, link.peer, len(data)) == bytes(data)


@pytest.mark.tulipa_only  # the standard loop sends `len(memoryview)` items as if they were bytes once it has to buffer
@on_loop
async def test_write_of_items_wider_than_a_byte(loop):
    numbers = array.array("i", range(1000))
    async with linked(loop) as link:
        link.transport.write(memoryview(numbers))
        link.transport.writelines([memoryview(numbers), b"end"])
        expected = numbers.tobytes() * 2 + b"end"
        assert await receive_exactly(loop, link.peer, len(expected)) == expected


@pytest.mark.tulipa_only  # the standard loop counts items, not bytes, when it has to buffer them
@on_loop
async def test_buffered_items_wider_than_a_byte_count_as_bytes(loop):
    numbers = array.array("i", range(1000))
    async with linked(loop, kind="unix") as link:
        filled = fill(link.transport.get_extra_info("socket"))
        link.transport.write(memoryview(numbers))
        assert link.transport.get_write_buffer_size() == 4 * len(numbers)
        assert await receive_exactly(loop, link.peer, len(filled) + 4000) == filled + numbers.tobytes()


@on_loop
async def test_writes_keep_their_order(loop):
    async with linked(loop) as link:
        pieces = [b"%d," % number for number in range(2000)]
        for number, piece in enumerate(pieces):
            if number % 3:
                link.transport.write(piece)
            else:
                link.transport.writelines([piece[:1], b"", piece[1:]])
        expected = b"".join(pieces)
        assert await receive_exactly(loop, link.peer, len(expected)) == expected


@both_kinds
@on_loop
async def test_writelines_delivers_every_kind_of_bytes(loop, kind):
    async with linked(loop, kind=kind) as link:
        link.transport.writelines([b"one ", bytearray(b"two "), memoryview(b"three "), b"", big])
        expected = b"one two three " + big
        assert await receive_exactly(loop, link.peer, len(expected)) == expected


@on_loop
async def test_writelines_of_more_pieces_than_one_system_call_takes(loop):
    async with linked(loop) as link:
        pieces = [b"%05d" % number for number in range(5000)]
        link.transport.writelines(pieces)
        assert await receive_exactly(loop, link.peer, 25_000) == b"".join(pieces)


@on_loop
async def test_writelines_of_nothing(loop):
    async with linked(loop) as link:
        link.transport.writelines([])
        link.transport.write(b"")
        assert link.transport.get_write_buffer_size() == 0
        link.transport.write(b"after")
        assert await receive_exactly(loop, link.peer, 5) == b"after"


@pytest.mark.tulipa_only  # since 3.12 the standard loop keeps them in its buffer for ever, and spins
@on_loop
async def test_writelines_of_empty_pieces(loop):
    async with linked(loop) as link:
        link.transport.writelines([b"", bytearray(), memoryview(b"")])
        assert link.transport.get_write_buffer_size() == 0
        link.transport.close()
        assert await receive_all(loop, link.peer) == b""
        assert await link.protocol.lost() is None


@pytest.mark.tulipa_only  # the standard loop only takes a list or a tuple, or fails late on what is true but empty
@on_loop
async def test_writelines_takes_any_iterable(loop):
    async with linked(loop) as link:
        link.transport.writelines(piece for piece in (b"a", b"b", b"c"))
        link.transport.writelines(iter([]))
        assert await receive_exactly(loop, link.peer, 3) == b"abc"


@pytest.mark.parametrize("wrong", ["text", 7, None, ["list"], object()], ids=lambda wrong: type(wrong).__name__)
@on_loop
async def test_write_refuses_what_is_not_bytes(loop, wrong):
    async with linked(loop) as link:
        with pytest.raises(TypeError, match="bytes-like"):
            link.transport.write(wrong)
        link.transport.write(b"fine")
        assert await receive_exactly(loop, link.peer, 4) == b"fine"


@on_loop
async def test_writelines_refuses_what_is_not_bytes(loop):
    async with linked(loop) as link:
        with pytest.raises(TypeError):
            link.transport.writelines([b"fine", "text"])


@pytest.mark.tulipa_only  # the standard loop joins or keeps what came before the wrong one, version by version
@on_loop
async def test_refused_writelines_writes_nothing(loop):
    async with linked(loop) as link:
        with pytest.raises(TypeError, match="str"):
            link.transport.writelines([b"lost", "text"])
        link.transport.write(b"kept")
        assert await receive_exactly(loop, link.peer, 4) == b"kept"


@pytest.mark.tulipa_only  # since 3.12 the standard loop keeps a view: it sends what the bytearray holds later
@on_loop
async def test_buffered_data_is_what_was_written(loop):
    async with linked(loop, kind="unix") as link:
        filled = fill(link.transport.get_extra_info("socket"))
        data = bytearray(b"before")
        link.transport.write(data)
        data[:] = b"after!"
        data.clear()  # an exported bytearray would refuse this
        more = bytearray(b"lines")
        link.transport.writelines([more])
        more[:] = b"LINES"
        expected = filled + b"beforelines"
        assert await receive_exactly(loop, link.peer, len(expected)) == expected


@on_loop
async def test_write_from_data_received(loop):
    class Ping(Recorder):
        def data_received(self, data):
            super().data_received(data)
            self.transport.write(data.upper())

    async with linked(loop, Ping()) as link:
        for word in (b"one", b"two", b"three"):
            await loop.sock_sendall(link.peer, word)
            assert await receive_exactly(loop, link.peer, len(word)) == word.upper()


@on_loop
async def test_write_in_connection_made(loop):
    class Greeting(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.write(b"welcome")

    async with linked(loop, Greeting()) as link:
        assert await receive_exactly(loop, link.peer, 7) == b"welcome"


# --- half-closing ------------------------------------------------------------------------------


@both_kinds
@on_loop
async def test_write_eof_ends_what_the_peer_reads(loop, kind):
    async with linked(loop, kind=kind) as link:
        link.transport.write(b"last words")
        link.transport.write_eof()
        assert await receive_all(loop, link.peer) == b"last words"
        assert not link.transport.is_closing()


@both_kinds
@on_loop
async def test_write_eof_waits_for_what_is_buffered(loop, kind):
    async with linked(loop, kind=kind) as link:
        link.transport.write(big)
        link.transport.write_eof()
        assert await receive_all(loop, link.peer) == big


@both_kinds
@on_loop
async def test_reading_goes_on_after_write_eof(loop, kind):
    async with linked(loop, kind=kind) as link:
        link.transport.write_eof()
        assert await receive_all(loop, link.peer) == b""
        await loop.sock_sendall(link.peer, b"still here")
        assert await link.protocol.received(10) == b"still here"


@on_loop
async def test_write_after_write_eof_is_an_error(loop):
    async with linked(loop) as link:
        link.transport.write_eof()
        with pytest.raises(RuntimeError, match="write_eof"):
            link.transport.write(b"more")


@pytest.mark.std_since(3, 12)
@pytest.mark.parametrize("pieces", [[b"more"], [b"more", b"and more"], []])
@on_loop
async def test_writelines_after_write_eof_is_an_error(loop, pieces):
    async with linked(loop) as link:
        link.transport.write_eof()
        with pytest.raises(RuntimeError, match="write_eof"):
            link.transport.writelines(pieces)


@on_loop
async def test_write_eof_twice(loop):
    async with linked(loop) as link:
        link.transport.write_eof()
        link.transport.write_eof()
        assert await receive_all(loop, link.peer) == b""


@pytest.mark.std_since(3, 12)  # before, it tried to shut the closed socket down
@on_loop
async def test_write_eof_after_close(loop):
    async with linked(loop) as link:
        link.transport.close()
        link.transport.write_eof()
        await link.protocol.lost()
        link.transport.write_eof()
        assert link.protocol.error is None


# --- closing -----------------------------------------------------------------------------------


@both_kinds
@on_loop
async def test_close(loop, kind):
    async with linked(loop, kind=kind) as link:
        link.transport.close()
        assert link.transport.is_closing()
        assert not link.transport.is_reading()
        assert link.protocol.events == ["made"], "connection_lost() must not be called from within close()"
        assert await link.protocol.lost() is None
        assert await receive_all(loop, link.peer) == b""


@both_kinds
@on_loop
async def test_close_sends_what_is_buffered_first(loop, kind):
    async with linked(loop, kind=kind) as link:
        link.transport.write(big)
        link.transport.close()
        assert link.transport.is_closing()
        assert await receive_all(loop, link.peer) == big
        assert await link.protocol.lost() is None


@on_loop
async def test_closing_transport_reads_no_more(loop):
    async with linked(loop, kind="unix") as link:
        filled = fill(link.transport.get_extra_info("socket"))
        link.transport.write(b"keeps it closing")
        link.transport.close()
        link.peer.send(b"too late")
        await turns(3)
        assert link.protocol.events == ["made"]
        assert await receive_exactly(loop, link.peer, len(filled) + 16) == filled + b"keeps it closing"
        assert await link.protocol.lost() is None
        assert link.protocol.data == b""


@on_loop
async def test_close_again_and_again(loop):
    async with linked(loop) as link:
        link.transport.close()
        link.transport.close()
        await link.protocol.lost()
        link.transport.close()
        link.transport.abort()
        await turns(3)
        assert link.protocol.events == ["made", "lost"]


@pytest.mark.tulipa_only  # the standard loop raises AttributeError here
@on_loop
async def test_abort_after_what_was_buffered_is_sent(loop):
    async with linked(loop, kind="unix") as link:
        filled = fill(link.transport.get_extra_info("socket"))
        link.transport.write(b"rest")
        link.transport.close()
        assert await receive_all(loop, link.peer) == filled + b"rest"
        await link.protocol.lost()
        link.transport.abort()
        await turns(3)
        assert link.protocol.events == ["made", "lost"]


@on_loop
async def test_write_after_close_is_dropped(loop):
    async with linked(loop) as link:
        link.transport.close()
        link.transport.write(b"too late")
        await link.protocol.lost()
        link.transport.write(b"far too late")
        assert link.transport.get_write_buffer_size() == 0
        assert await receive_all(loop, link.peer) == b""


@on_loop
async def test_end_of_file_closes(loop):
    async with linked(loop) as link:
        await loop.sock_sendall(link.peer, b"bye")
        link.peer.shutdown(socket.SHUT_WR)
        assert await link.protocol.lost() is None
        assert link.protocol.events == ["made", "data", "eof", "lost"]
        assert link.protocol.data == b"bye"
        assert await receive_all(loop, link.peer) == b""


@on_loop
async def test_abort_drops_what_is_buffered(loop):
    async with linked(loop, kind="unix") as link:
        filled = fill(link.transport.get_extra_info("socket"))
        link.transport.write(b"never sent")
        link.transport.abort()
        assert link.transport.is_closing()
        assert link.transport.get_write_buffer_size() == 0
        assert await link.protocol.lost() is None
        assert await receive_all(loop, link.peer) == filled


@on_loop
async def test_abort_while_closing(loop):
    async with linked(loop, kind="unix") as link:
        fill(link.transport.get_extra_info("socket"))
        link.transport.write(b"never sent")
        link.transport.close()
        await turns(3)
        assert link.protocol.events == ["made"]
        link.transport.abort()
        assert await link.protocol.lost() is None
        assert link.protocol.events == ["made", "lost"]


@on_loop
async def test_socket_is_closed_after_connection_lost(loop):
    async with linked(loop) as link:
        sock = link.transport.get_extra_info("socket")
        link.transport.close()
        await link.protocol.lost()
        await turns(1)
        assert sock.fileno() == -1


# --- set_protocol ------------------------------------------------------------------------------


@on_loop
async def test_set_protocol_moves_the_events(loop):
    async with linked(loop) as link:
        await loop.sock_sendall(link.peer, b"first")
        assert await link.protocol.received(5) == b"first"
        second = Recorder()
        link.transport.set_protocol(second)
        assert link.transport.get_protocol() is second
        await loop.sock_sendall(link.peer, b"second")
        assert await second.received(6) == b"second"
        link.transport.close()
        assert await second.lost() is None
        assert link.protocol.events == ["made", "data"]
        assert "made" not in second.events


# --- sockets given by the caller ---------------------------------------------------------------


@on_loop
async def test_blocking_socket_is_made_non_blocking(loop):
    ours, peer = connected_sockets()
    ours.setblocking(True)
    with peer:
        transport, protocol = await loop.create_connection(Recorder, sock=ours)
        assert transport.get_extra_info("socket").gettimeout() == 0
        transport.close()
        await protocol.lost()


@on_loop
async def test_data_that_waits_already_is_read(loop):
    ours, peer = connected_sockets()
    with peer:
        peer.send(b"early")
        transport, protocol = await loop.create_connection(Recorder, sock=ours)
        assert await protocol.received(5) == b"early"
        assert protocol.events == ["made", "data"]
        transport.close()
        await protocol.lost()


@on_loop
async def test_nothing_is_sent_ahead_of_time(loop):
    async with linked(loop) as link:
        await turns(3)
        assert arrived(link.peer) == b""
