"""Protocols that lend their own buffer: asyncio.BufferedProtocol."""

import asyncio

import pytest
from helpers.running import on_loop
from helpers.streams import BufferedRecorder, Recorder, linked

both_kinds = pytest.mark.parametrize("kind", ["tcp", "unix"])


@both_kinds
@on_loop
async def test_every_byte_in_order(loop, kind):
    sent = b"".join(b"%06d" % number for number in range(50_000))
    async with linked(loop, BufferedRecorder(size=777), kind=kind) as link:
        sending = loop.create_task(loop.sock_sendall(link.peer, sent))
        assert await link.protocol.received(len(sent)) == sent
        await sending


@on_loop
async def test_no_more_is_read_than_the_buffer_takes(loop):
    class Small(BufferedRecorder):
        def buffer_updated(self, nbytes):
            super().buffer_updated(nbytes)
            sizes.append(nbytes)

    sizes = []
    async with linked(loop, Small(size=4)) as link:
        await loop.sock_sendall(link.peer, b"0123456789")
        assert await link.protocol.received(10) == b"0123456789"
        assert sizes == [4, 4, 2]


@pytest.mark.parametrize("kind_of_buffer", [bytearray, lambda size: memoryview(bytearray(size))[1:]])
@on_loop
async def test_buffers_of_several_types(loop, kind_of_buffer):
    protocol = BufferedRecorder()
    protocol.buffer = kind_of_buffer(100)
    async with linked(loop, protocol) as link:
        await loop.sock_sendall(link.peer, b"data")
        assert await protocol.received(4) == b"data"


@on_loop
async def test_another_buffer_each_time(loop):
    class Slices(BufferedRecorder):
        """Fills one large buffer from left to right."""

        def get_buffer(self, sizehint):
            return memoryview(self.buffer)[len(self.data) :][:3]

        def buffer_updated(self, nbytes):
            self.data += self.buffer[len(self.data) :][:nbytes]
            self.note("data")

    async with linked(loop, Slices(size=100)) as link:
        await loop.sock_sendall(link.peer, b"abcdefgh")
        assert await link.protocol.received(8) == b"abcdefgh"
        assert link.protocol.buffer[:9] == b"abcdefgh\0"


@on_loop
async def test_the_buffer_is_not_kept_exported(loop):
    class Resizing(BufferedRecorder):
        def buffer_updated(self, nbytes):
            super().buffer_updated(nbytes)
            self.buffer.extend(b"\0")  # BufferError while somebody holds a view of it

    async with linked(loop, Resizing()) as link:
        for word in (b"one", b"two"):
            await loop.sock_sendall(link.peer, word)
            await link.protocol.received(len(link.protocol.data) + 3)
        assert link.protocol.data == b"onetwo"


@on_loop
async def test_the_size_hint_is_an_integer(loop):
    class Hinted(BufferedRecorder):
        def get_buffer(self, sizehint):
            hints.append(sizehint)
            return super().get_buffer(sizehint)

    hints = []
    async with linked(loop, Hinted()) as link:
        await loop.sock_sendall(link.peer, b"data")
        await link.protocol.received(4)
        assert all(type(hint) is int for hint in hints) and hints


@on_loop
async def test_end_of_file(loop):
    async with linked(loop, BufferedRecorder()) as link:
        await loop.sock_sendall(link.peer, b"bye")
        link.peer.close()
        assert await link.protocol.lost() is None
        assert link.protocol.data == b"bye"
        assert link.protocol.events == ["made", "data", "eof", "lost"]


@pytest.mark.parametrize(("first", "second"), [(Recorder, BufferedRecorder), (BufferedRecorder, Recorder)])
@on_loop
async def test_set_protocol_changes_how_it_reads(loop, first, second):
    async with linked(loop, first()) as link:
        await loop.sock_sendall(link.peer, b"one")
        assert await link.protocol.received(3) == b"one"
        other = second()
        link.transport.set_protocol(other)
        await loop.sock_sendall(link.peer, b"two")
        assert await other.received(3) == b"two"
        assert link.protocol.data == b"one"


@on_loop
async def test_the_stdlibs_own_class_decides(loop):
    """A protocol that only looks buffered, without being one, gets data_received()."""

    class Both(asyncio.Protocol):
        def __init__(self):
            self.arrived = loop.create_future()

        def data_received(self, data):
            self.arrived.set_result(data)

        def get_buffer(self, sizehint):
            raise AssertionError("not a BufferedProtocol")

        buffer_updated = get_buffer

    async with linked(loop, Both()) as link:
        await loop.sock_sendall(link.peer, b"data")
        assert await link.protocol.arrived == b"data"
