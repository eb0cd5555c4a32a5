"""open_connection and start_server, their UNIX twins, and what becomes of a handler's errors."""

import asyncio
import contextlib

import pytest
from helpers.running import on_loop, turns
from helpers.streams import LOOPBACK, address, connected_sockets, fill, nothing_left, reset


async def close(writer):
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


class Served:
    """The clients that a server has seen, and a way to wait for the next one."""

    def __init__(self):
        self.clients = asyncio.Queue()

    async def handle(self, reader, writer):
        await self.clients.put((reader, writer))


@contextlib.asynccontextmanager
async def serving(lib, handler, **options):
    server = await lib.start_server(handler, LOOPBACK, 0, **options)
    try:
        yield server
    finally:
        server.close()
    await server.wait_closed()


@contextlib.asynccontextmanager
async def connected(lib, **options):
    """Both ends of a connection: (reader, writer) of the client, (reader, writer) of the server."""
    served = Served()
    async with serving(lib, served.handle, **options) as server:
        ours = await lib.open_connection(*address(server), **options)
        theirs = await served.clients.get()
        try:
            yield ours, theirs
        finally:
            await close(ours[1])
            await close(theirs[1])


@on_loop
async def test_a_conversation(loop, lib):
    async with nothing_left(loop), connected(lib) as ((reader, writer), (their_reader, their_writer)):
        writer.write(b"question\n")
        assert await their_reader.readline() == b"question\n"
        their_writer.writelines([b"ans", b"wer"])
        await their_writer.drain()
        assert await reader.readexactly(6) == b"answer"
        assert writer.can_write_eof()
        writer.write_eof()
        assert await their_reader.read() == b""
        their_writer.write(b"after the end")
        await close(their_writer)
        assert await reader.read() == b"after the end"
        assert writer.get_extra_info("peername") == their_writer.get_extra_info("sockname")


@on_loop
async def test_unix_sockets(loop, lib, tmp_path):
    served, path = Served(), str(tmp_path / "socket")
    server = await lib.start_unix_server(served.handle, path)
    reader, writer = await lib.open_unix_connection(path, limit=100)
    their_reader, their_writer = await served.clients.get()
    writer.write(b"x" * 101)
    their_writer.write(b"y" * 101)
    assert await their_reader.readexactly(101) == b"x" * 101
    with pytest.raises(asyncio.LimitOverrunError):
        await reader.readuntil(b"z")
    await close(writer)
    await close(their_writer)
    server.close()
    await server.wait_closed()


@on_loop
async def test_a_reader_that_does_not_read_holds_the_peer_back(loop, lib):
    async with connected(lib, limit=1000) as ((_, writer), (their_reader, _)):
        sent = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                while True:
                    writer.write(bytes(100_000))
                    sent += 100_000
                    await writer.drain()
        assert their_reader._paused
        writer.write(b"end")
        received, drained = 0, asyncio.ensure_future(writer.drain())
        while received < sent + 3:
            received += len(await their_reader.read(1 << 20))
        await drained


@on_loop
async def test_a_reset_reaches_both_directions(loop, lib):
    ours, peer = connected_sockets()
    reader, writer = await lib.open_connection(sock=ours)
    task = loop.create_task(reader.read())
    await turns()
    reset(peer)
    with pytest.raises(ConnectionResetError):
        await task
    with pytest.raises(ConnectionResetError):
        await writer.drain()
    with pytest.raises(ConnectionResetError):
        await writer.wait_closed()


@on_loop
async def test_abort_with_a_full_buffer(loop, lib):
    ours, peer = connected_sockets("unix")
    reader, writer = await lib.open_connection(sock=ours)
    fill(ours)
    writer.write(bytes(1_000_000))
    task = loop.create_task(writer.drain())
    await turns()
    assert not task.done()
    writer.transport.abort()
    await task
    await writer.wait_closed()
    assert await reader.read() == b""
    peer.close()


# --- handlers ----------------------------------------------------------------------------------


@on_loop
async def test_a_handler_that_is_a_function(loop, lib):
    def handle(reader, writer):
        writer.write(b"welcome")
        writer.close()

    async with serving(lib, handle) as server:
        reader, writer = await lib.open_connection(*address(server))
        assert await reader.read() == b"welcome"
        await close(writer)


@pytest.mark.reference_since(3, 12)
@on_loop
async def test_a_handler_that_fails_is_reported_and_its_connection_closed(loop, loop_errors, lib):
    async def handle(reader, writer):
        raise ValueError("from the handler")

    async with serving(lib, handle) as server:
        reader, writer = await lib.open_connection(*address(server))
        assert await reader.read() == b""
        await close(writer)
    (report,) = loop_errors
    loop_errors.clear()
    assert report["message"] == "Unhandled exception in client_connected_cb"
    assert str(report["exception"]) == "from the handler"
    assert report["transport"].is_closing()


@pytest.mark.ours_only
@on_loop
async def test_a_function_that_fails_is_reported_and_its_connection_closed(loop, loop_errors, lib):
    def handle(reader, writer):
        raise ValueError("from the handler")

    async with serving(lib, handle) as server:
        reader, writer = await lib.open_connection(*address(server))
        assert await reader.read() == b""
        await close(writer)
    (report,) = loop_errors
    loop_errors.clear()
    assert report["message"] == "Unhandled exception in client_connected_cb"
    assert str(report["exception"]) == "from the handler"


@pytest.mark.reference_since(3, 13)
@on_loop
async def test_a_handler_that_is_cancelled_has_its_connection_closed(loop, lib):
    async def handle(reader, writer):
        started.set_result(asyncio.current_task())
        await reader.read()

    started = loop.create_future()
    async with serving(lib, handle) as server:
        reader, writer = await lib.open_connection(*address(server))
        (await started).cancel()
        assert await reader.read() == b""
        await close(writer)


@pytest.mark.reference_since(3, 13)
@on_loop
async def test_a_handler_that_forgets_to_close(loop, lib):
    async def handle(reader, writer):
        writer.write(b"bye")

    async with serving(lib, handle) as server:
        with pytest.warns(ResourceWarning, match="unclosed <StreamWriter"):
            reader, writer = await lib.open_connection(*address(server))
            assert await reader.read() == b"bye"
        await close(writer)


@on_loop
async def test_limits_are_those_asked_for(loop, lib):
    async with connected(lib, limit=7) as ((reader, _), (their_reader, _)):
        assert (reader._limit, their_reader._limit) == (7, 7)


@on_loop
async def test_an_open_connection_that_fails_leaves_nothing(loop, lib):
    async with nothing_left(loop):
        with pytest.raises(OSError):
            await lib.open_connection(LOOPBACK, 1)
