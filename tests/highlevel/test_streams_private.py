"""What libraries use of streams beneath the public names."""

import asyncio

import pytest
from helpers.running import on_loop, turns
from helpers.transports import FakeTransport

pytestmark = pytest.mark.virtual_too


@on_loop
async def test_the_buffer_as_a_bytearray(loop, reader):
    reader.feed_data(b"one ")
    reader.feed_data(b"two")
    buffer = reader._buffer
    assert type(buffer) is bytearray and buffer == b"one two"
    reader.feed_data(b" three")
    assert buffer == b"one two three" and len(reader._buffer) == 13
    assert await reader.read(4) == b"one "
    assert buffer == b"two three"
    del reader._buffer[:4]
    assert await reader.readuntil(b"r") == b"thr"
    reader._buffer.clear()
    reader.feed_eof()
    assert reader.at_eof()
    assert await reader.read() == b""


@pytest.mark.ours_only  # the standard reader remembers how far it has looked, and waits for ever
@on_loop
async def test_reading_on_while_others_look_into_the_buffer(loop, reader):
    task = loop.create_task(reader.readline())
    await turns()
    for piece in (b"12", b"34", b"56"):
        reader.feed_data(piece)
        await turns()
        assert reader._buffer.endswith(piece)
    del reader._buffer[:2]
    reader.feed_data(b"\nrest")
    assert await task == b"3456\n"
    reader.feed_eof()
    assert await reader.readline() == b"rest"


@pytest.mark.ours_only
@on_loop
async def test_what_was_looked_through_is_taken_away(loop, reader):
    reader.feed_data(b"x" * 50)
    task = loop.create_task(reader.readline())
    await turns()
    del reader._buffer[:40]
    reader.feed_data(b"\n")
    assert await task == b"x" * 10 + b"\n"


@on_loop
async def test_another_buffer(loop, reader):
    reader._buffer = bytearray(b"given\nrest")
    assert await reader.readline() == b"given\n"
    assert await reader.readexactly(4) == b"rest"


@on_loop
async def test_another_limit(loop, reader):
    reader.feed_data(b"12345678;")
    reader._limit = 3
    assert reader._limit == 3
    with pytest.raises(asyncio.LimitOverrunError):
        await reader.readuntil(b";")
    reader._limit = 10**30
    assert await reader.readuntil(b";") == b"12345678;"


@on_loop
async def test_the_transport_of_a_reader(loop, reader):
    first, second = FakeTransport(), FakeTransport()
    reader.set_transport(first)
    assert reader._transport is first
    reader._transport = second
    reader.feed_data(bytes(200_000))
    assert (first.calls, second.calls) == ([], ["pause"])
    assert reader._paused and not reader._eof


@on_loop
async def test_a_reader_that_reads_in_its_own_way(loop, lib):
    class Patient(lib.StreamReader):
        """Lines without a limit, as interactive consoles want them."""

        async def readuntil(self, separator=b"\n"):
            while (place := self._buffer.find(separator)) < 0:
                if self._eof:
                    raise asyncio.IncompleteReadError(bytes(self._buffer), None)
                await self._wait_for_data("readuntil")
            size = place + len(separator)
            data = bytes(self._buffer[:size])
            del self._buffer[:size]
            self._maybe_resume_transport()
            return data

    reader = Patient(limit=2, loop=loop)
    reader.set_transport(FakeTransport())
    task = loop.create_task(reader.readline())
    for piece in (b"123", b"456", b"\n789"):
        await turns()
        reader.feed_data(piece)
    assert await task == b"123456\n"
    task = loop.create_task(reader.readline())
    await turns()
    reader.set_exception(ConnectionResetError("gone"))
    with pytest.raises(ConnectionResetError, match="gone"):
        await task


@on_loop
async def test_a_reader_that_sees_what_is_fed(loop, lib):
    class Counting(lib.StreamReader):
        fed = 0

        def feed_data(self, data):
            self.fed += len(data)
            super().feed_data(data)

    reader = Counting(loop=loop)
    protocol = lib.StreamReaderProtocol(reader, loop=loop)
    protocol.data_received(b"data")
    assert reader.fed == 4
    assert await reader.read(10) == b"data"


@on_loop
async def test_a_protocol_that_is_derived(loop, lib):
    """As servers of other protocols do: they bring their own reader and keep what connection_made gives."""

    class Own(lib.StreamReaderProtocol):
        def __init__(self):
            super().__init__(lib.StreamReader(loop=loop), client_connected_cb=self.connected, loop=loop)

        def connected(self, reader, writer):
            self.reader, self.writer = reader, writer

    protocol, transport = Own(), FakeTransport()
    protocol.connection_made(transport)
    assert protocol.reader._transport is protocol.writer._transport is protocol._transport is transport
    assert protocol.writer._protocol is protocol and protocol._stream_reader is protocol.reader
    assert protocol.writer._reader is protocol.reader
    assert not protocol._over_ssl and not protocol._paused and not protocol._connection_lost
    protocol.writer.close()


@on_loop
async def test_attributes_of_ones_own(loop, lib, reader):
    transport = FakeTransport()
    protocol = lib.StreamReaderProtocol(reader, loop=loop)
    writer = lib.StreamWriter(transport, protocol, reader, loop)
    for each in (reader, protocol, writer):
        each.remark = "mine"
        assert each.remark == "mine"
    writer.close()


@on_loop
async def test_where_a_reader_was_made(loop, lib):
    loop.set_debug(True)
    reader = lib.StreamReader(loop=loop)
    assert reader._source_traceback[-1].filename == __file__
    loop.set_debug(False)
    assert lib.StreamReader(loop=loop)._source_traceback is None
