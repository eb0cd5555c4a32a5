"""Small writes of one turn leave together: one system call, which on an idle TCP connection is one segment."""

import socket
import struct
import sys

import pytest
from helpers.running import on_loop, turns
from helpers.streams import Recorder, arrived, connected_sockets, linked, receive_exactly

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the segments are counted by Linux's TCP_INFO")

# The standard loop makes one system call of every write() that finds the buffer empty.
tulipa_only = pytest.mark.tulipa_only


def segments(sock):
    """How many segments with data the connection has sent (tcpi_data_segs_out)."""
    return struct.unpack_from("I", sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256), 156)[0]


def test_segments_count_system_calls():
    """The other tests rest on this: each send() of a few bytes is a segment of its own."""
    one, other = connected_sockets("tcp")
    with one, other:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        before = segments(one)
        for expected in (1, 2, 3):
            one.send(b"x")
            assert segments(one) - before == expected


@pytest.mark.parametrize("count", [2, 50])
@tulipa_only
@on_loop
async def test_writes_of_one_turn(loop, count):
    async with linked(loop) as link:
        sock = link.transport.get_extra_info("socket")
        for number in range(count):
            link.transport.write(b"%04d" % number)
        await turns(1)
        expected = b"".join(b"%04d" % number for number in range(count))
        assert arrived(link.peer) == expected, "they leave in their turn, no later"
        assert segments(sock) == 1


@tulipa_only
@on_loop
async def test_writes_of_several_callbacks_of_one_turn(loop):
    async with linked(loop) as link:
        for piece in (b"one ", b"two ", b"three"):
            loop.call_soon(link.transport.write, piece)
        await turns(2)
        assert arrived(link.peer) == b"one two three"
        assert segments(link.transport.get_extra_info("socket")) == 1


@tulipa_only
@on_loop
async def test_writes_of_two_turns(loop):
    async with linked(loop) as link:
        link.transport.write(b"one ")
        await turns(1)
        assert arrived(link.peer) == b"one "
        link.transport.write(b"two")
        await turns(1)
        assert arrived(link.peer) == b"one two"
        assert segments(link.transport.get_extra_info("socket")) == 2


@tulipa_only
@on_loop
async def test_write_and_writelines(loop):
    async with linked(loop) as link:
        link.transport.write(b"one ")
        link.transport.writelines([b"two ", bytearray(b"three "), memoryview(b"four ")])
        link.transport.write(b"five")
        await turns(1)
        assert arrived(link.peer) == b"one two three four five"
        assert segments(link.transport.get_extra_info("socket")) == 1


@pytest.mark.std_since(3, 12)
@on_loop
async def test_writelines(loop):
    async with linked(loop) as link:
        link.transport.writelines([b"%04d" % number for number in range(30)])
        await turns(1)
        assert arrived(link.peer) == b"".join(b"%04d" % number for number in range(30))
        assert segments(link.transport.get_extra_info("socket")) == 1


@tulipa_only
@on_loop
async def test_writes_of_one_data_received(loop):
    class Answering(Recorder):
        def data_received(self, data):
            for piece in (b"head ", b"and ", b"body"):
                self.transport.write(piece)
            super().data_received(data)

    async with linked(loop, Answering()) as link:
        link.peer.send(b"request")
        await link.protocol.saw("data")
        assert await receive_exactly(loop, link.peer, 13) == b"head and body"
        assert segments(link.transport.get_extra_info("socket")) == 1


@tulipa_only
@on_loop
async def test_writes_before_write_eof_and_close(loop):
    for end in ("write_eof", "close"):
        async with linked(loop) as link:
            peer_info = link.peer
            link.transport.write(b"last ")
            link.transport.write(b"words")
            getattr(link.transport, end)()
            await turns(1)
            assert arrived(link.peer) == b"last words"
            received = struct.unpack_from("I", peer_info.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256), 152)[0]
            assert received == 1


@on_loop
async def test_much_data_does_not_wait_for_the_end_of_the_turn(loop):
    async with linked(loop) as link:
        link.transport.write(b"x" * 200_000)
        assert arrived(link.peer), "more than the high-water mark is offered to the kernel at once"


@on_loop
async def test_size_of_the_write_buffer_is_what_the_kernel_refused(loop):
    async with linked(loop) as link:
        for _ in range(10):
            link.transport.write(b"small")
        assert link.transport.get_write_buffer_size() == 0
        assert arrived(link.peer) == b"small" * 10
