"""A protocol goes on using its transport in connection_lost(): nothing happens, nothing is raised."""

import pytest
from helpers.running import on_loop, turns
from helpers.streams import Recorder, linked, reset


class Stubborn(Recorder):
    def connection_lost(self, exc):
        transport = self.transport
        transport.write(b"too late")
        transport.writelines([b"too ", b"late"])
        transport.pause_reading()
        transport.resume_reading()
        transport.close()
        transport.abort()
        self.closing = transport.is_closing(), transport.is_reading(), transport.get_write_buffer_size()
        super().connection_lost(exc)


# In 3.11 writelines() was join and write; since then it sends through the closed socket, or asserts.
@pytest.mark.tulipa_only
@pytest.mark.parametrize("way_out", ["close", "abort", "peer closes", "peer resets"])
@on_loop
async def test_using_a_lost_transport(loop, way_out):
    async with linked(loop, Stubborn()) as link:
        if way_out == "peer closes":
            link.peer.close()
        elif way_out == "peer resets":
            reset(link.peer)
        else:
            getattr(link.transport, way_out)()
        error = await link.protocol.lost()
        assert isinstance(error, ConnectionResetError) if way_out == "peer resets" else error is None
        assert link.protocol.closing == (True, False, 0)
        await turns(3)
        assert link.protocol.events.count("lost") == 1


@on_loop
async def test_writing_to_a_lost_transport(loop):
    class Writing(Recorder):
        def connection_lost(self, exc):
            for _ in range(10):
                self.transport.write(b"too late")
            super().connection_lost(exc)

    async with linked(loop, Writing()) as link:
        link.transport.abort()
        assert await link.protocol.lost() is None
        assert link.transport.get_write_buffer_size() == 0
