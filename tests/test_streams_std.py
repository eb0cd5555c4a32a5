"""The standard library's streams (asyncio.open_connection and its kin), unmodified, on the loop."""

import asyncio
import contextlib
import socket

import pytest
from helpers.running import on_loop, turns
from helpers.streams import LOOPBACK, address, nothing_left, reset


async def close(writer):
    writer.close()
    await writer.wait_closed()


@contextlib.asynccontextmanager
async def served(handler, **options):
    """A stream server that runs `handler(reader, writer)`; yields where. All handlers are over at the end."""

    async def handle(reader, writer):
        try:
            await handler(reader, writer)
        finally:
            with contextlib.suppress(ConnectionError):
                await close(writer)
            finished.set()

    finished = asyncio.Event()
    server = await asyncio.start_server(handle, LOOPBACK, 0, **options)
    try:
        yield address(server)
        await finished.wait()
    finally:
        server.close()
    await server.wait_closed()


async def echo(reader, writer):
    while data := await reader.read(10_000):
        writer.write(data)
        await writer.drain()


@on_loop
async def test_echo(loop):
    async with served(echo) as where:
        reader, writer = await asyncio.open_connection(*where)
        writer.write(b"hello\n")
        await writer.drain()
        assert await reader.readline() == b"hello\n"
        writer.write_eof()
        assert await reader.read() == b""
        await close(writer)


@on_loop
async def test_ten_megabytes_through_drain(loop):
    sent = b"".join(b"%09d\n" % number for number in range(1_000_000))

    async def send():
        for start in range(0, len(sent), 100_000):
            writer.write(sent[start : start + 100_000])
            await writer.drain()
        writer.write_eof()

    async with served(echo) as where:
        reader, writer = await asyncio.open_connection(*where)
        sending = loop.create_task(send())
        received = await reader.read(-1)
        await sending
        assert received == sent
        await close(writer)


@on_loop
async def test_drain_waits_for_the_peer(loop):
    async def read_when_told(reader, writer):
        await told.wait()
        writer.write(b"%d" % len(await reader.read(-1)))

    told = asyncio.Event()
    async with served(read_when_told) as where:
        reader, writer = await asyncio.open_connection(*where)
        writer.write(b"x" * 20_000_000)
        draining = loop.create_task(writer.drain())
        await turns(10)
        assert not draining.done()
        told.set()
        await draining
        writer.write_eof()
        assert await reader.read() == b"20000000"
        await close(writer)


async def answering(text):
    """A handler that writes `text` and closes."""

    async def handler(reader, writer):
        writer.write(text)

    return handler


@on_loop
async def test_ways_to_read(loop):
    text = b"line one\nline two\n0123456789|rest"
    async with served(await answering(text)) as where:
        reader, writer = await asyncio.open_connection(*where)
        assert await reader.readline() == b"line one\n"
        assert await reader.readuntil() == b"line two\n"
        assert await reader.readexactly(10) == b"0123456789"
        assert await reader.readuntil(b"|") == b"|"
        assert await reader.read() == b"rest"
        assert await reader.read() == b""
        assert reader.at_eof()
        await close(writer)


@on_loop
async def test_iterating_over_lines(loop):
    async with served(await answering(b"one\ntwo\nthree")) as where:
        reader, writer = await asyncio.open_connection(*where)
        assert [line async for line in reader] == [b"one\n", b"two\n", b"three"]
        await close(writer)


@on_loop
async def test_end_of_file_too_early(loop):
    async with served(await answering(b"short")) as where:
        reader, writer = await asyncio.open_connection(*where)
        with pytest.raises(asyncio.IncompleteReadError) as error:
            await reader.readexactly(10)
        assert (error.value.partial, error.value.expected) == (b"short", 10)
        await close(writer)


@on_loop
async def test_separator_that_does_not_come_in_time(loop):
    async with served(await answering(b"x" * 1000)) as where:
        reader, writer = await asyncio.open_connection(*where, limit=100)
        with pytest.raises(asyncio.LimitOverrunError):
            await reader.readuntil(b"|")
        assert len(await reader.read()) == 1000
        await close(writer)


@on_loop
async def test_reader_holds_the_transport_back(loop):
    async def flood(reader, writer):
        for _ in range(100):
            writer.write(b"x" * 100_000)
            await writer.drain()

    async with served(flood) as where:
        reader, writer = await asyncio.open_connection(*where, limit=1000)
        while writer.transport.is_reading():
            await turns()
        total = 0
        while chunk := await reader.read(50_000):
            total += len(chunk)
        assert total == 10_000_000
        await close(writer)


@on_loop
async def test_extra_info_and_state(loop):
    async with served(echo) as where:
        reader, writer = await asyncio.open_connection(*where)
        assert writer.get_extra_info("peername") == where
        assert writer.get_extra_info("tea", "Earl Grey") == "Earl Grey"
        assert writer.can_write_eof()
        assert not writer.is_closing()
        assert isinstance(writer.transport, asyncio.Transport)
        writer.close()
        assert writer.is_closing()
        await writer.wait_closed()


@on_loop
async def test_writelines(loop):
    async with served(echo) as where:
        reader, writer = await asyncio.open_connection(*where)
        writer.writelines([b"a", b"", bytearray(b"b"), b"c"])
        assert await reader.readexactly(3) == b"abc"
        await close(writer)


@on_loop
async def test_reset_reaches_reader_and_writer(loop):
    with socket.create_server((LOOPBACK, 0)) as listener:
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        reading = loop.create_task(reader.read())
        await turns(2)
        reset(listener.accept()[0])
        with pytest.raises(ConnectionResetError):
            await reading
        with pytest.raises(ConnectionResetError):
            await writer.drain()
        writer.close()
        with pytest.raises(ConnectionResetError):
            await writer.wait_closed()


@on_loop
async def test_cancelled_read_loses_nothing(loop):
    async def when_told(reader, writer):
        await told.wait()
        writer.write(b"kept")

    told = asyncio.Event()
    async with served(when_told) as where:
        reader, writer = await asyncio.open_connection(*where)
        reading = loop.create_task(reader.read(100))
        await turns(2)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        told.set()
        assert await reader.read(100) == b"kept"
        await close(writer)


@on_loop
async def test_plain_function_as_handler(loop):
    def handler(reader, writer):
        writer.write(b"plain")
        writer.close()
        closing.append(loop.create_task(writer.wait_closed()))

    closing = []
    server = await asyncio.start_server(handler, LOOPBACK, 0)
    reader, writer = await asyncio.open_connection(*address(server))
    assert await reader.read() == b"plain"
    await close(writer)
    await asyncio.gather(*closing)
    server.close()
    await server.wait_closed()


@pytest.mark.std_since(3, 12)  # in 3.11 it is reported when the garbage collector finds the task
@on_loop
async def test_exception_in_the_handler_is_reported_and_closes(loop, loop_errors):
    async def handler(reader, writer):
        raise ZeroDivisionError("on purpose")

    server = await asyncio.start_server(handler, LOOPBACK, 0)
    reader, writer = await asyncio.open_connection(*address(server))
    assert await reader.read() == b""
    await close(writer)
    server.close()
    await server.wait_closed()
    assert [type(context["exception"]) for context in loop_errors] == [ZeroDivisionError]
    loop_errors.clear()


@on_loop
async def test_many_clients_at_once(loop):
    async def client(number):
        reader, writer = await asyncio.open_connection(*address(server))
        data = b"%d" % number * 10_000
        writer.write(data)
        assert await reader.readexactly(len(data)) == data
        await close(writer)

    async def handler(reader, writer):
        await echo(reader, writer)
        await close(writer)

    async with nothing_left(loop):
        server = await asyncio.start_server(handler, LOOPBACK, 0)
        await asyncio.gather(*(client(number) for number in range(50)))
        while len(asyncio.all_tasks()) > 1:
            await turns()
        server.close()
        await server.wait_closed()


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no UNIX sockets here")
@on_loop
async def test_unix_streams(loop, tmp_path, monkeypatch):
    async def handler(reader, writer):
        await echo(reader, writer)
        await close(writer)
        finished.set()

    monkeypatch.chdir(tmp_path)
    finished = asyncio.Event()
    server = await asyncio.start_unix_server(handler, "tulip.sock")
    reader, writer = await asyncio.open_unix_connection("tulip.sock")
    writer.write(b"hello\n")
    assert await reader.readline() == b"hello\n"
    await close(writer)
    await finished.wait()
    server.close()
    await server.wait_closed()


@on_loop
async def test_stream_over_a_given_socket(loop):
    ours, peer = socket.socketpair()
    with peer:
        reader, writer = await asyncio.open_connection(sock=ours)
        peer.send(b"hello")
        assert await reader.readexactly(5) == b"hello"
        writer.write(b"there")
        await writer.drain()
        await turns(1)
        assert peer.recv(100) == b"there"
        await close(writer)
