"""abort() while there is data to write, at every moment: the data is dropped, the loss is told once."""

import pytest
from helpers.running import on_loop, turns
from helpers.streams import Recorder, fill, linked, receive_all


@pytest.mark.parametrize("before", [None, "close", "write_eof", "pause_reading"])
@on_loop
async def test_abort_after(loop, before):
    async with linked(loop, kind="unix") as link:
        filled = fill(link.transport.get_extra_info("socket"))
        link.transport.write(b"x" * 100_000)
        if before:
            getattr(link.transport, before)()
        await turns(2)
        assert link.transport.get_write_buffer_size() == 100_000
        link.transport.abort()
        assert link.transport.get_write_buffer_size() == 0
        assert await link.protocol.lost() is None
        await turns(2)
        assert link.protocol.events == ["made", "pause", "lost"]
        assert await receive_all(loop, link.peer) == filled


@on_loop
async def test_abort_in_pause_writing(loop):
    class Impatient(Recorder):
        def pause_writing(self):
            super().pause_writing()
            self.transport.abort()

    async with linked(loop, Impatient(), kind="unix") as link:
        filled = fill(link.transport.get_extra_info("socket"))
        link.transport.set_write_buffer_limits(high=0)
        link.transport.write(b"dropped")
        link.transport.write(b"dropped too")
        assert await link.protocol.lost() is None
        assert link.protocol.events == ["made", "pause", "lost"]
        assert await receive_all(loop, link.peer) == filled


@on_loop
async def test_abort_when_there_is_room_again(loop):
    """The socket is writable and the transport is aborted in the same turn: nothing of the buffer is sent."""
    async with linked(loop, kind="unix") as link:
        filled = fill(link.transport.get_extra_info("socket"))
        link.transport.write(b"dropped")
        await turns(2)
        received = link.peer.recv(len(filled))
        while len(received) < len(filled):
            received += link.peer.recv(len(filled))
        link.transport.abort()
        assert await link.protocol.lost() is None
        assert received + await receive_all(loop, link.peer) == filled
