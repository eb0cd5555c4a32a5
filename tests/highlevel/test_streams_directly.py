"""Streams and transports of ours speak to each other in C: what a program has made its own is asked all the same."""

import asyncio
import contextlib
import weakref

import pytest
from helpers.running import on_loop, turns
from helpers.streams import LOOPBACK, address
from helpers.tls import HOST, client_context, server_context

KINDS = {
    "bare": (dict, dict),
    "tls": (lambda: {"ssl": server_context()}, lambda: {"ssl": client_context(), "server_hostname": HOST}),
}


async def close(writer):
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


@contextlib.asynccontextmanager
async def echoing(loop, lib, kind, make_protocol=None):
    """(reader, writer) of a connection to a server that gives everything back."""

    async def echo(reader, writer):
        while data := await reader.read(1000):
            writer.write(data)
            await writer.drain()
        await close(writer)

    serving, connecting = (options() for options in KINDS[kind])

    def served():
        return lib.StreamReaderProtocol(lib.StreamReader(loop=loop), echo, loop=loop)

    server = await loop.create_server(make_protocol or served, LOOPBACK, 0, **serving)
    reader, writer = await lib.open_connection(*address(server), **connecting)
    try:
        yield reader, writer
    finally:
        await close(writer)
        server.close()
        await server.wait_closed()
        await turns(3)


@pytest.mark.parametrize("kind", KINDS)
@on_loop
async def test_a_transport_with_a_method_of_ones_own(loop, lib, kind):
    async with echoing(loop, lib, kind) as (reader, writer):
        transport, written, asked = writer.transport, [], []
        write, is_closing = transport.write, transport.is_closing

        def noted_write(data):
            written.append(bytes(data))
            write(data)

        def noted_is_closing():
            asked.append(is_closing())
            return asked[-1]

        writer.write(b"before")
        assert await reader.readexactly(6) == b"before"
        transport.write, transport.is_closing = noted_write, noted_is_closing
        writer.write(b"one")
        writer.write(bytearray(b"two"))
        await writer.drain()
        assert await reader.readexactly(6) == b"onetwo"
        assert written == [b"one", b"two"] and asked and not any(asked)
        del transport.write, transport.is_closing


@pytest.mark.parametrize("kind", KINDS)
@on_loop
async def test_a_protocol_with_a_method_of_ones_own(loop, lib, kind):
    seen = []

    class Noting(lib.StreamReaderProtocol):
        def data_received(self, data):
            seen.append(data)
            super().data_received(data)

    async def echo(reader, writer):
        while data := await reader.read(1000):
            writer.write(data)
        await close(writer)

    def make():
        return Noting(lib.StreamReader(loop=loop), echo, loop=loop)

    async with echoing(loop, lib, kind, make) as (reader, writer):
        writer.write(b"data")
        assert await reader.readexactly(4) == b"data"
        assert seen == [b"data"]


@on_loop
async def test_a_reader_with_a_method_of_ones_own(loop, lib):
    class Shouting(lib.StreamReader):
        def feed_data(self, data):
            super().feed_data(data.upper())

    async def echo(reader, writer):
        writer.write(await reader.readexactly(4))
        await close(writer)

    def make():
        return lib.StreamReaderProtocol(Shouting(loop=loop), echo, loop=loop)

    async with echoing(loop, lib, "bare", make) as (reader, writer):
        writer.write(b"data")
        assert await reader.read() == b"DATA"


@pytest.mark.parametrize("kind", KINDS)
@on_loop
async def test_writing_nothing_and_what_is_no_bytes(loop, lib, kind):
    async with echoing(loop, lib, kind) as (reader, writer):
        for nothing in (b"", bytearray(), memoryview(b"")):
            writer.write(nothing)
        with pytest.raises(TypeError):
            writer.write("text")
        with pytest.raises(TypeError):
            writer.write(None)
        writer.write(memoryview(b"12345678").cast("B", (2, 4)))
        assert await reader.readexactly(8) == b"12345678"


@on_loop
async def test_a_reader_that_is_gone(loop, lib):
    """The protocol refers to it weakly: what comes for it is dropped."""
    protocols = []

    def make():
        protocols.append(lib.StreamReaderProtocol(lib.StreamReader(loop=loop), loop=loop))
        return protocols[-1]

    async with echoing(loop, lib, "bare", make) as (_, writer):
        writer.write(b"nobody reads this")
        await writer.drain()
        while not (protocols and protocols[0]._transport):
            await asyncio.sleep(0)
        await turns(5)
        assert protocols[0]._stream_reader is None
        protocols[0]._transport.close()


async def wait_once(loop, reader, data):
    """Have a task wait for `data`; gives the future that it waited for."""
    task = loop.create_task(reader.read(100))
    await turns()
    waiter = reader._waiter
    reader.feed_data(data)
    assert await task == data
    return waiter


@on_loop
async def test_a_future_that_somebody_keeps_stays_done(loop, lib, reader):
    """A reader may use the future that it waited for again, but nobody must see that."""
    kept = await wait_once(loop, reader, b"one")
    assert kept.done() and not kept.cancelled()
    task = loop.create_task(reader.read(100))
    await turns()
    assert kept.done() and kept.result() is None and reader._waiter is not kept
    reader.feed_data(b"two")
    assert await task == b"two"


@on_loop
async def test_a_future_that_has_got_attributes_or_weak_references(loop, lib, reader):
    task = loop.create_task(reader.read(100))
    await turns()
    reference = weakref.ref(reader._waiter)
    reader.feed_data(b"one")
    assert await task == b"one"
    task = loop.create_task(reader.read(100))
    await turns()
    assert reference() is not reader._waiter
    reader._waiter.remark = "mine"
    reader.feed_data(b"two")
    assert await task == b"two"
    task = loop.create_task(reader.read(100))
    await turns()
    assert not hasattr(reader._waiter, "remark")
    reader.feed_data(b"three")
    assert await task == b"three"


@on_loop
async def test_reading_again_after_cancellations(loop, lib, reader):
    for number in range(3):
        task = loop.create_task(reader.read(100))
        await turns()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        data = b"%d" % number
        await wait_once(loop, reader, data)
        # Cancelled in the turn in which its data come.
        task = loop.create_task(reader.read(100))
        await turns()
        reader.feed_data(data)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await reader.read(100) == data


def test_call_soon_replaced_between_two_waits(loop, reader):
    async def read():
        reading = loop.create_task(reader.read(1))
        await turns(2)
        calls.clear()
        reader.feed_data(b"x")
        assert await reading == b"x"
        return len(calls)

    def noted(callback, *args, context=None):
        calls.append(callback)
        return call_soon(callback, *args, context=context)

    calls = []
    loop.run_until_complete(read())
    call_soon, loop.call_soon = loop.call_soon, noted
    assert loop.run_until_complete(read()) >= 2, "of the task that reads, and of the one that waits for it"
