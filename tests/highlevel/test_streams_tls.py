"""Streams over TLS: from the start, and by start_tls."""

import asyncio
import contextlib

import pytest
from helpers.running import on_loop, turns
from helpers.streams import LOOPBACK, address
from helpers.tls import HOST, client_context, server_context


async def close(writer):
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


@contextlib.asynccontextmanager
async def both_ends(lib, client=None, server=None, **options):
    """(reader, writer) of the client and of the server; `client` and `server` are options of each."""
    clients = asyncio.Queue()

    async def handle(reader, writer):
        await clients.put((reader, writer))

    listening = await lib.start_server(handle, LOOPBACK, 0, **options, **(server or {}))
    ours = await lib.open_connection(*address(listening), **options, **(client or {}))
    theirs = await clients.get()
    try:
        yield ours, theirs
    finally:
        await asyncio.gather(close(ours[1]), close(theirs[1]))
        listening.close()
        await listening.wait_closed()


@on_loop
async def test_tls_from_the_start(loop, lib):
    options = {"client": {"ssl": client_context(), "server_hostname": HOST}, "server": {"ssl": server_context()}}
    async with both_ends(lib, **options) as ((reader, writer), (their_reader, their_writer)):
        assert not writer.can_write_eof()
        writer.write(b"question\n")
        assert await their_reader.readline() == b"question\n"
        their_writer.write(b"x" * 1_000_000)
        drained = asyncio.ensure_future(their_writer.drain())
        assert await reader.readexactly(1_000_000) == b"x" * 1_000_000
        await drained
        their_writer.close()
        assert await reader.read() == b""


async def upgraded(writer, their_writer):
    await asyncio.gather(
        writer.start_tls(client_context(), server_hostname=HOST), their_writer.start_tls(server_context())
    )


@on_loop
async def test_start_tls(loop, lib):
    async with both_ends(lib) as ((reader, writer), (their_reader, their_writer)):
        their_writer.write(b"ready\n")
        assert await reader.readline() == b"ready\n"
        plain = writer.transport
        await upgraded(writer, their_writer)
        assert writer.transport is not plain
        assert writer.get_extra_info("ssl_object") is not None
        writer.write(b"secret\n")
        assert await their_reader.readline() == b"secret\n"
        their_writer.write(b"answer")
        await their_writer.drain()
        assert await reader.readexactly(6) == b"answer"
        their_writer.close()
        assert await reader.read() == b""


@pytest.mark.ours_only
@on_loop
async def test_after_start_tls_the_reader_pauses_the_new_transport(loop, lib):
    async with both_ends(lib, limit=1000) as ((reader, writer), (_, their_writer)):
        await upgraded(writer, their_writer)
        assert reader._transport is writer.transport
        their_writer.write(b"x" * 3000)
        while not reader._paused:
            await turns()
        assert not writer.transport.is_reading()
        assert await reader.readexactly(3000) == b"x" * 3000
        assert writer.transport.is_reading()


@pytest.mark.ours_only
@on_loop
async def test_what_was_paused_before_start_tls_goes_on(loop, lib):
    async with both_ends(lib, limit=1000) as ((reader, writer), (_, their_writer)):
        their_writer.write(b"x" * 3000)
        while not reader._paused:
            await turns()
        await upgraded(writer, their_writer)
        their_writer.write(b"y" * 3000)
        assert await reader.readexactly(6000) == b"x" * 3000 + b"y" * 3000


@on_loop
async def test_a_handshake_that_fails(loop, lib):
    async with both_ends(lib) as ((reader, writer), (_, their_writer)):
        their_writer.write(b"no TLS here\r\n" * 10)
        with pytest.raises(OSError):  # SSLError is one
            await writer.start_tls(client_context(), server_hostname=HOST)
        with pytest.raises(OSError):
            await reader.readexactly(1)
