"""Hang-ups and errors are told by the kernel whether asked for or not: each ends what it must, and none spins."""

import asyncio
import socket

import pytest
from helpers.running import on_loop, turns
from helpers.streams import Recorder, connected_sockets, fill, nothing_left, reset


def half_close(peer):
    peer.shutdown(socket.SHUT_WR)


ENDS = {"closed": socket.socket.close, "reset": reset, "half-closed": half_close}


async def idle(injected):
    """Fail if the loop has something to do all the time; it may look a few times more."""
    await turns(40)
    before = injected.wait_count
    await asyncio.sleep(0.02)
    assert injected.wait_count - before < 10


@pytest.mark.parametrize("end", ENDS)
@on_loop
async def test_nothing_is_told_while_nothing_is_asked(loop, injected, end):
    """A paused reader hears of it when it reads again, and what was sent before is not lost to it."""
    async with nothing_left(loop):
        ours, peer = connected_sockets()
        with peer:
            transport, protocol = await loop.create_connection(Recorder, sock=ours)
            transport.pause_reading()
            peer.send(b"last words")
            ENDS[end](peer)
            await idle(injected)
            assert protocol.events == ["made"]
            transport.resume_reading()
            error = await protocol.lost()
            assert (error is None) == (end != "reset")
            if end != "reset":
                assert protocol.data == b"last words"
                assert protocol.events == ["made", "data", "eof", "lost"]


@pytest.mark.parametrize("end", ["closed", "reset"])
@on_loop
async def test_a_blocked_writer_is_told(loop, injected, end):
    """Also where it does not read."""
    async with nothing_left(loop):
        ours, peer = connected_sockets("unix" if end == "closed" else "tcp")
        with peer:
            transport, protocol = await loop.create_connection(Recorder, sock=ours)
            transport.pause_reading()
            while transport.get_write_buffer_size() == 0:
                transport.write(bytes(1_000_000))
            await idle(injected)
            ENDS[end](peer)
            assert isinstance(await protocol.lost(), ConnectionError)
            assert protocol.events[-1] == "lost"


@on_loop
async def test_end_of_file_is_told_once_to_one_that_goes_on_writing(loop, injected):
    async with nothing_left(loop):
        ours, peer = connected_sockets("unix")
        with peer:
            transport, protocol = await loop.create_connection(lambda: Recorder(keep_open=True), sock=ours)
            half_close(peer)
            await protocol.saw("eof")
            await idle(injected)
            filled = fill(ours)
            transport.write(b"rest")
            await idle(injected)
            assert peer.recv(len(filled) + 10, socket.MSG_WAITALL)
            transport.write_eof()
            await turns(5)
            # Both directions are at their end now, which is a hang-up, and still nobody closes.
            await idle(injected)
            assert protocol.events == ["made", "eof"]
            transport.close()
            assert await protocol.lost() is None


@on_loop
async def test_both_closing_at_once(loop, injected):
    async with nothing_left(loop):
        sides = []
        for sock in connected_sockets("unix"):
            _, protocol = await loop.create_connection(Recorder, sock=sock)
            sides.append(protocol)
        for protocol in sides:
            protocol.transport.write(b"goodbye")
            protocol.transport.close()
        for protocol in sides:
            assert await protocol.lost() is None


@on_loop
async def test_pipe_without_a_reader(loop, injected):
    from helpers.pipes import fill as fill_pipe
    from helpers.pipes import pipe_of

    async with nothing_left(loop):
        with pipe_of("pipe") as (reader, writer):
            transport, protocol = await loop.connect_write_pipe(Recorder, writer)
            fill_pipe(transport)
            transport.write(b"rest")
            await idle(injected)
            reader.close()
            assert isinstance(await protocol.lost(), BrokenPipeError)


@pytest.mark.parametrize("choice", ["spurious", "late"])
@on_loop
async def test_reader_that_goes_after_readiness_that_was_not(loop, injected, choice):
    """A pipe that was told of something that was not there goes on watching for the end of its reader."""
    from helpers.pipes import pipe_of

    async with nothing_left(loop):
        with pipe_of("pipe") as (reader, writer):
            transport, protocol = await loop.connect_write_pipe(Recorder, writer)
            injected.waits.extend([choice] * 5)
            await turns(50)
            injected.waits.clear()
            assert protocol.events == ["made"]
            reader.close()
            assert await protocol.lost() is None
