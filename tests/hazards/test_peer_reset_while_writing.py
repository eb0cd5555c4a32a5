"""The peer resets the connection while there is data to write: the loss is told once, with the error."""

import pytest
from helpers.running import on_loop, turns
from helpers.streams import Recorder, fill, linked, reset


@pytest.mark.parametrize("paused", [False, True])
@on_loop
async def test_with_data_in_the_buffer(loop, paused):
    async with linked(loop) as link:
        fill(link.transport.get_extra_info("socket"))
        link.transport.write(b"never sent")
        if paused:
            link.transport.pause_reading()  # then it is the writing that finds out
        reset(link.peer)
        assert isinstance(await link.protocol.lost(), (ConnectionResetError, BrokenPipeError))
        assert link.transport.get_write_buffer_size() == 0
        await turns(3)
        assert link.protocol.events == ["made", "lost"]


@on_loop
async def test_while_closing(loop):
    async with linked(loop) as link:
        fill(link.transport.get_extra_info("socket"))
        link.transport.write(b"never sent")
        link.transport.close()
        reset(link.peer)
        assert isinstance(await link.protocol.lost(), (ConnectionResetError, BrokenPipeError))
        await turns(3)
        assert link.protocol.events == ["made", "lost"]


@on_loop
async def test_writing_on_after_the_reset(loop):
    async with linked(loop) as link:
        link.transport.pause_reading()
        reset(link.peer)
        for _ in range(20):
            link.transport.write(b"into the void")
            await turns(1)
        assert isinstance(await link.protocol.lost(), (ConnectionResetError, BrokenPipeError))
        link.transport.write(b"into the void")
        assert link.protocol.events == ["made", "lost"]


@on_loop
async def test_error_is_not_raised_from_write(loop):
    class Answering(Recorder):
        def data_received(self, data):
            super().data_received(data)
            reset(peer)
            for _ in range(10):
                self.transport.write(b"x" * 10_000)
            self.note("answered")

    async with linked(loop, Answering()) as link:
        peer = link.peer
        peer.send(b"request")
        error = await link.protocol.lost()
        assert isinstance(error, (ConnectionResetError, BrokenPipeError))
        assert link.protocol.events == ["made", "data", "answered", "lost"]


@on_loop
async def test_reset_is_not_an_end_of_file(loop):
    async with linked(loop) as link:
        reset(link.peer)
        assert isinstance(await link.protocol.lost(), ConnectionResetError)
        assert link.protocol.events == ["made", "lost"]


@on_loop
async def test_reset_is_no_error_of_the_programs(loop, loop_errors):
    """It is for connection_lost(); the exception handler is not bothered with it, not even in debug mode."""
    loop.set_debug(True)
    async with linked(loop) as link:
        reset(link.peer)
        assert isinstance(await link.protocol.lost(), ConnectionResetError)
    assert loop_errors == []
