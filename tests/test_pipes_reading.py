"""connect_read_pipe: pipes, FIFOs, sockets, terminals and other devices that are read from."""

import asyncio
import errno
import logging
import os

import pytest
from helpers.pipes import KINDS, closed, pipe_of, reading
from helpers.running import on_loop, turns
from helpers.streams import BufferedRecorder, Recorder, linked, nothing_left

every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
@on_loop
async def test_data_arrives_then_the_end(loop, kind):
    async with reading(loop, kind) as (transport, protocol, writer):
        assert protocol.events == ["made"]
        assert protocol.transport is transport
        writer.write(b"hello")
        assert await protocol.received(5) == b"hello"
        writer.write(b" world")
        assert await protocol.received(11) == b"hello world"
        writer.close()
        error = await protocol.lost()
        if kind == "pty":
            assert error.errno == errno.EIO
            assert protocol.events == ["made", "data", "data", "lost"]
        else:
            assert error is None
            assert protocol.events == ["made", "data", "data", "eof", "lost"]
        assert transport.is_closing()


@pytest.mark.parametrize("kind", ["pipe", "fifo", "socket"])
@on_loop
async def test_much_data(loop, kind):
    await check_much_data(loop, kind, Recorder())


@pytest.mark.tulipa_only
@on_loop
async def test_buffered_protocol(loop):
    await check_much_data(loop, "pipe", BufferedRecorder())


async def check_much_data(loop, kind, protocol):
    data = os.urandom(1 << 20)
    async with reading(loop, kind, protocol) as (_, _, writer):
        written = asyncio.to_thread(lambda: (write_all(writer, data), writer.close()))
        await asyncio.gather(written, protocol.lost())
        assert protocol.data == data


def write_all(writer, data):
    view = memoryview(data)
    while view:
        view = view[writer.write(view):]


@on_loop
async def test_what_it_is(loop):
    async with reading(loop) as (transport, protocol, _):
        assert isinstance(transport, asyncio.ReadTransport)
        assert not isinstance(transport, asyncio.WriteTransport)
        assert not hasattr(transport, "write")
        assert transport.get_extra_info("pipe").readable()
        assert transport.get_extra_info("nothing", 7) == 7
        assert transport.get_protocol() is protocol
        assert not transport.is_closing()
        assert f"fd={transport.get_extra_info('pipe').fileno()}" in repr(transport)
        transport.close()
        assert "closing" in repr(transport)
        assert transport.is_closing()


@every_kind
@on_loop
async def test_closing(loop, kind):
    async with reading(loop, kind) as (transport, protocol, writer):
        pipe = transport.get_extra_info("pipe")
        writer.write(b"never read")
        transport.close()
        transport.close()
        assert protocol.events == ["made"]
        assert await protocol.lost() is None
        await closed(pipe)
        await turns(3)
        assert protocol.events == ["made", "lost"]


@every_kind
@on_loop
async def test_pause_and_resume(loop, kind):
    async with reading(loop, kind) as (transport, protocol, writer):
        assert transport.is_reading()
        transport.pause_reading()
        transport.pause_reading()
        assert not transport.is_reading()
        writer.write(b"later")
        await turns(5)
        assert protocol.data == b""
        transport.resume_reading()
        transport.resume_reading()
        assert transport.is_reading()
        assert await protocol.received(5) == b"later"
        transport.close()
        transport.pause_reading()
        transport.resume_reading()
        assert not transport.is_reading()
        await protocol.lost()


@on_loop
async def test_paused_in_connection_made(loop):
    class Pausing(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.pause_reading()

    async with reading(loop, protocol=Pausing()) as (transport, protocol, writer):
        writer.write(b"later")
        await turns(5)
        assert protocol.events == ["made"]
        transport.resume_reading()
        assert await protocol.received(5) == b"later"


@on_loop
async def test_nothing_keeps_a_pipe_open_after_its_end(loop):
    async with reading(loop, protocol=Recorder(keep_open=True)) as (_, protocol, writer):
        writer.close()
        assert await protocol.lost() is None
        assert protocol.events == ["made", "eof", "lost"]


@on_loop
async def test_set_protocol(loop):
    async with reading(loop) as (transport, first, writer):
        second = Recorder()
        transport.set_protocol(second)
        assert transport.get_protocol() is second
        writer.write(b"for the second")
        assert await second.received(14) == b"for the second"
        writer.close()
        await second.lost()
        assert first.events == ["made"]


@pytest.mark.tulipa_only
@on_loop
async def test_error_in_data_received(loop, loop_errors):
    class Failing(Recorder):
        def data_received(self, data):
            raise RuntimeError("told you so")

    async with reading(loop, protocol=Failing()) as (_, protocol, writer):
        writer.write(b"x")
        error = await protocol.lost()
        assert str(error) == "told you so"
        (context,) = loop_errors
        assert context["exception"] is error
        loop_errors.clear()


@on_loop
async def test_stream_reader(loop):
    with pipe_of("pipe") as (reader, writer):
        stream = asyncio.StreamReader()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), reader)
        writer.write(b"one\ntwo\nrest")
        writer.close()
        assert [await stream.readline(), await stream.readline()] == [b"one\n", b"two\n"]
        assert await stream.read() == b"rest"
        transport.close()
        await closed(reader)


# --- what can't be read ------------------------------------------------------------------------


@on_loop
async def test_a_regular_file(loop, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"data")
    with path.open("rb") as file:
        async with nothing_left(loop):
            with pytest.raises(ValueError, match="(?i)pipe transport is"):
                await loop.connect_read_pipe(Recorder, file)
        assert file.read() == b"data", "it is the caller's still, and blocks as before"


@pytest.mark.tulipa_only
@on_loop
async def test_the_error_names_the_kind_and_a_way_out(loop, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"data")
    with path.open("rb") as file, pytest.raises(ValueError, match=r"a regular file.*asyncio\.to_thread"):
        await loop.connect_read_pipe(Recorder, file)


@pytest.mark.tulipa_only  # the standard loop leaves a half-made transport
@on_loop
async def test_a_closed_file(loop):
    with pipe_of("pipe") as (reader, _):
        reader.close()
        with pytest.raises(ValueError, match="closed"):
            await loop.connect_read_pipe(Recorder, reader)


@on_loop
async def test_factory_that_fails_leaves_the_pipe_to_the_caller(loop):
    def fail():
        raise LookupError("no protocol")

    with pipe_of("pipe") as (reader, writer):
        for connect, end in (loop.connect_read_pipe, reader), (loop.connect_write_pipe, writer):
            async with nothing_left(loop):
                with pytest.raises(LookupError):
                    await connect(fail, end)
            assert not end.closed


@pytest.mark.parametrize("direction", ["read", "write"])
@on_loop
async def test_cancelled_connect_closes_the_pipe(loop, direction):
    with pipe_of("pipe") as (reader, writer):
        connect = loop.connect_read_pipe if direction == "read" else loop.connect_write_pipe
        end = reader if direction == "read" else writer
        protocol = Recorder()
        task = loop.create_task(connect(lambda: protocol, end))
        await turns(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await closed(end)
        assert protocol.events in ([], ["made", "lost"])


# --- devices -----------------------------------------------------------------------------------


@pytest.mark.tulipa_only
@on_loop
async def test_a_device_that_cannot_be_watched(loop):
    with open("/dev/null", "rb", 0) as device:
        transport, protocol = await loop.connect_read_pipe(Recorder, device)
        assert await protocol.lost() is None
        assert protocol.events == ["made", "eof", "lost"]
        assert transport.is_closing()


@pytest.mark.tulipa_only
@on_loop
async def test_a_device_that_cannot_be_watched_does_not_starve_others(loop):
    with open("/dev/zero", "rb", 0) as device:
        transport, protocol = await loop.connect_read_pipe(Recorder, device)
        await protocol.saw("data", 3)
        transport.pause_reading()
        seen = protocol.events.count("data")
        await turns(5)
        assert protocol.events.count("data") == seen
        transport.resume_reading()
        transport.pause_reading()
        transport.resume_reading()
        await protocol.saw("data", seen + 2)
        transport.close()
        await protocol.lost()
        assert set(protocol.data) == {0}


@on_loop
async def test_both_directions_of_one_terminal(loop):
    with pipe_of("pty") as (leader, follower):
        os.set_blocking(follower.fileno(), False)
        read_transport, reader = await loop.connect_read_pipe(Recorder, leader)
        write_transport, writer = await loop.connect_write_pipe(Recorder, leader)
        write_transport.write(b"to the follower")
        follower.write(b"to the leader")
        assert await reader.received(13) == b"to the leader"
        assert os.read(follower.fileno(), 100) == b"to the follower"
        write_transport.close()
        assert await writer.lost() is None
        read_transport.close()
        assert await reader.lost() is None
        await closed(leader)


# --- sharing with others -----------------------------------------------------------------------


@pytest.mark.tulipa_only
@on_loop
async def test_a_stream_transport_keeps_its_socket(loop):
    async with linked(loop) as link:
        sock = link.transport.get_extra_info("socket")
        for connect in loop.connect_read_pipe, loop.connect_write_pipe:
            with pytest.raises(RuntimeError, match="is used by transport"):
                await connect(Recorder, sock)


@pytest.mark.tulipa_only
@on_loop
async def test_add_reader_does_not_take_it_away(loop):
    async with reading(loop) as (transport, _, _):
        with pytest.raises(RuntimeError, match="is used by"):
            loop.add_reader(transport.get_extra_info("pipe"), int)
        transport.pause_reading()
        with pytest.raises(RuntimeError, match="is used by"):
            loop.add_reader(transport.get_extra_info("pipe"), int)


# --- debug mode --------------------------------------------------------------------------------


@on_loop
async def test_debug_mode_tells_the_connection_and_its_end(loop, caplog):
    caplog.set_level(logging.DEBUG, "asyncio")
    loop.set_debug(True)
    async with reading(loop) as (_, protocol, writer):
        writer.close()
        await protocol.lost()
    texts = [record.getMessage() for record in caplog.records]
    assert any(text.startswith("Read pipe") and "connected" in text for text in texts)
    assert any("was closed by peer" in text for text in texts)
