"""connect_write_pipe: pipes, FIFOs, sockets, terminals and other devices that are written to."""

import asyncio
import logging
import os
import socket

import pytest
from helpers.pipes import KINDS, closed, fill, os_read, pipe_of, take, take_all, writing
from helpers.running import on_loop, turns
from helpers.streams import Recorder

every_kind = pytest.mark.parametrize("kind", KINDS)
# The kernel empties a terminal's buffer by and by, into another one.
stays_full = pytest.mark.parametrize("kind", ["pipe", "fifo", "socket"])
ends_are_noticed = pytest.mark.parametrize("kind", ["pipe", "fifo", "socket"])


@every_kind
@on_loop
async def test_data_leaves_in_order(loop, kind):
    async with writing(loop, kind) as (transport, protocol, reader):
        transport.write(b"one ")
        transport.write(b"")
        transport.write(bytearray(b"two "))
        transport.writelines([b"three ", memoryview(b"four")])
        assert await take(loop, reader, 18) == b"one two three four"
        assert protocol.events == ["made"]


@every_kind
@on_loop
async def test_more_than_the_kernel_takes(loop, kind):
    data = os.urandom(500_000)
    async with writing(loop, kind) as (transport, protocol, reader):
        transport.write(data)
        assert transport.get_write_buffer_size() > 0
        assert protocol.events == ["made", "pause"]
        transport.write(b"the rest")
        assert await take(loop, reader, len(data) + 8) == data + b"the rest"
        await protocol.saw("resume")
        assert transport.get_write_buffer_size() == 0
        assert protocol.events == ["made", "pause", "resume"]


@on_loop
async def test_what_it_is(loop):
    async with writing(loop) as (transport, protocol, _):
        assert isinstance(transport, asyncio.WriteTransport)
        assert transport.get_extra_info("pipe").writable()
        assert transport.can_write_eof()
        assert transport.get_protocol() is protocol
        assert not transport.is_closing()
        assert f"fd={transport.get_extra_info('pipe').fileno()}" in repr(transport)
        transport.close()
        assert transport.is_closing()
        await protocol.lost()
        await turns(1)
        assert "closed" in repr(transport)


@stays_full
@on_loop
async def test_limits(loop, kind):
    async with writing(loop, kind) as (transport, protocol, reader):
        assert transport.get_write_buffer_limits() == (16 * 1024, 64 * 1024)
        filled = fill(transport)
        transport.set_write_buffer_limits(high=100, low=10)
        assert transport.get_write_buffer_limits() == (10, 100)
        transport.write(b"x" * 100)
        assert protocol.events == ["made"]
        transport.write(b"x")
        assert protocol.events == ["made", "pause"]
        assert transport.get_write_buffer_size() == 101
        await take(loop, reader, len(filled) + 101)
        await protocol.saw("resume")


@pytest.mark.parametrize("method", ["close", "write_eof"])
@every_kind
@on_loop
async def test_ending_sends_the_rest(loop, kind, method):
    async with writing(loop, kind) as (transport, protocol, reader):
        filled = fill(transport)
        transport.write(b"the rest")
        getattr(transport, method)()
        assert transport.is_closing()
        if kind == "pty":
            assert await take(loop, reader, len(filled) + 8) == filled + b"the rest"
        else:
            await turns(3)
            assert protocol.events == ["made"]
            assert await take_all(loop, reader) == filled + b"the rest"
        assert await protocol.lost() is None
        transport.close()
        transport.write_eof()


@every_kind
@on_loop
async def test_abort_drops_the_rest(loop, kind):
    async with writing(loop, kind) as (transport, protocol, reader):
        filled = fill(transport)
        transport.write(b"never sent")
        transport.abort()
        assert transport.is_closing()
        assert await protocol.lost() is None
        assert transport.get_write_buffer_size() == 0
        if kind != "pty":
            assert await take_all(loop, reader) == filled


@on_loop
async def test_writes_after_the_end_are_dropped_with_a_warning(loop, caplog):
    async with writing(loop) as (transport, protocol, reader):
        transport.close()
        for _ in range(10):
            transport.write(b"too late")
        await protocol.lost()
        assert await take_all(loop, reader) == b""
    assert any(record.levelno == logging.WARNING for record in caplog.records)


@pytest.mark.tulipa_only
@pytest.mark.parametrize("data", ["text", 7, None, [b"list"]], ids=repr)
@on_loop
async def test_what_can_not_be_written(loop, data):
    async with writing(loop) as (transport, _, reader):
        with pytest.raises(TypeError, match="bytes-like"):
            transport.write(data)
        with pytest.raises(TypeError, match="bytes-like"):
            transport.writelines([b"before", data])
        transport.write(b"after")
        assert await take(loop, reader, 5) == b"after"


@pytest.mark.tulipa_only
@pytest.mark.skipif(not hasattr(os, "O_DIRECT"), reason="only Linux has pipes of packets")
@on_loop
async def test_writes_of_one_turn_leave_in_one_call(loop):
    """In a pipe of packets each call makes a packet."""
    reader, writer = os.pipe2(os.O_DIRECT)
    with open(reader, "rb", 0) as reader, open(writer, "wb", 0) as writer:
        transport, protocol = await loop.connect_write_pipe(Recorder, writer)
        transport.write(b"one ")
        transport.writelines([b"two ", b"three"])
        await turns(1)
        assert os.read(reader.fileno(), 4096) == b"one two three"
        transport.close()
        await protocol.lost()


@pytest.mark.tulipa_only
@on_loop
async def test_abort_when_all_is_over(loop):
    async with writing(loop) as (transport, protocol, _):
        transport.close()
        await protocol.lost()
        await turns(1)
        transport.abort()
        transport.write(b"nothing")
        await turns(2)
        assert protocol.events == ["made", "lost"]


# --- the reader is gone ------------------------------------------------------------------------


@ends_are_noticed
@on_loop
async def test_the_reader_goes_while_nothing_is_written(loop, kind):
    async with writing(loop, kind) as (transport, protocol, reader):
        reader.close()
        assert await protocol.lost() is None
        assert protocol.events == ["made", "lost"]
        assert transport.is_closing()


@ends_are_noticed
@on_loop
async def test_the_reader_goes_before_all_is_sent(loop, kind):
    async with writing(loop, kind) as (transport, protocol, reader):
        fill(transport)
        transport.write(b"never sent")
        reader.close()
        error = await protocol.lost()
        assert isinstance(error, (BrokenPipeError, ConnectionResetError))
        assert transport.get_write_buffer_size() == 0


@ends_are_noticed
@on_loop
async def test_the_reader_goes_and_then_something_is_written(loop, kind):
    async with writing(loop, kind) as (transport, protocol, reader):
        reader.close()
        transport.write(b"never sent")
        assert isinstance(await protocol.lost(), (BrokenPipeError, type(None)))
        assert transport.is_closing()


@ends_are_noticed
@on_loop
async def test_the_reader_goes_while_closing(loop, kind):
    async with writing(loop, kind) as (transport, protocol, reader):
        fill(transport)
        transport.write(b"never sent")
        transport.close()
        reader.close()
        assert isinstance(await protocol.lost(), (BrokenPipeError, ConnectionResetError))
        assert protocol.events == ["made", "lost"]


@pytest.mark.tulipa_only
@on_loop
async def test_a_socket_that_is_written_to_may_have_something_to_read(loop):
    ours, peer = socket.socketpair()
    with peer:
        peer.setblocking(False)
        transport, protocol = await loop.connect_write_pipe(Recorder, ours)
        peer.send(b"what nobody reads")
        await turns(5)
        assert not transport.is_closing()
        transport.write(b"still here")
        assert await loop.sock_recv(peer, 100) == b"still here"
        peer.close()
        transport.write(b"x")
        assert isinstance(await protocol.lost(), OSError)


@pytest.mark.tulipa_only
@on_loop
async def test_a_fifo_opened_for_both(loop, tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    with open(os.open(path, os.O_RDWR), "wb", 0) as both:
        transport, protocol = await loop.connect_write_pipe(Recorder, both)
        transport.write(b"to myself")
        await turns(5)
        assert not transport.is_closing()
        assert os.read(both.fileno(), 100) == b"to myself"
        transport.close()
        await protocol.lost()


# --- devices and files -------------------------------------------------------------------------


@on_loop
async def test_a_device_that_takes_everything(loop):
    with open("/dev/null", "wb", 0) as device:
        transport, protocol = await loop.connect_write_pipe(Recorder, device)
        transport.write(b"x" * 500_000)
        transport.close()
        assert await protocol.lost() is None
        await closed(device)


@pytest.mark.tulipa_only
@on_loop
async def test_a_device_that_is_full(loop, loop_errors):
    with open("/dev/full", "wb", 0) as device:
        _, protocol = await loop.connect_write_pipe(Recorder, device)
        protocol.transport.write(b"x")
        assert isinstance(await protocol.lost(), OSError)


@on_loop
async def test_a_regular_file(loop, tmp_path):
    with (tmp_path / "file").open("wb") as file:
        with pytest.raises(ValueError, match="(?i)pipe transport is"):
            await loop.connect_write_pipe(Recorder, file)
        assert not file.closed


@on_loop
async def test_a_terminal_whose_other_side_is_gone(loop):
    with pipe_of("pty") as (leader, follower):
        transport, protocol = await loop.connect_write_pipe(Recorder, follower)
        leader.close()
        transport.write(b"x")
        assert isinstance(await protocol.lost(), OSError)


# --- together with streams ---------------------------------------------------------------------


@on_loop
async def test_stream_writer(loop):
    with pipe_of("pipe") as (reader, writer):
        os.set_blocking(reader.fileno(), False)
        transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, writer)
        stream = asyncio.StreamWriter(transport, protocol, None, loop)
        data = os.urandom(300_000)

        async def write():
            for start in range(0, len(data), 10_000):
                stream.write(data[start : start + 10_000])
                await stream.drain()
            stream.close()

        _, received = await asyncio.gather(write(), take_all(loop, reader))
        assert received == data
        await closed(writer)


@pytest.mark.tulipa_only  # the standard loop calls connection_lost() twice
@on_loop
async def test_resume_writing_may_write_and_close(loop):
    class Persistent(Recorder):
        def resume_writing(self):
            super().resume_writing()
            if self.events.count("resume") == 1:
                self.transport.write(b"more")
                self.transport.close()

    async with writing(loop, protocol=Persistent()) as (transport, _, reader):
        data = b"x" * 300_000
        transport.write(data)
        assert await take_all(loop, reader) == data + b"more"


@on_loop
async def test_debug_mode_tells_the_connection_and_its_end(loop, caplog):
    caplog.set_level(logging.DEBUG, "asyncio")
    loop.set_debug(True)
    async with writing(loop) as (_, protocol, reader):
        reader.close()
        await protocol.lost()
    texts = [record.getMessage() for record in caplog.records]
    assert any(text.startswith("Write pipe") and "connected" in text for text in texts)
    assert any("was closed by peer" in text for text in texts)


@on_loop
async def test_nothing_to_read_is_no_end(loop):
    async with writing(loop) as (transport, protocol, reader):
        await turns(5)
        assert os_read(reader, 1) is None
        assert protocol.events == ["made"]
        assert not transport.is_closing()
