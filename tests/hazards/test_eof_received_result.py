"""What eof_received() returns decides: false closes the transport, true leaves its writing side open."""

import socket

import pytest
from helpers.accounting import watcher_count
from helpers.running import on_loop, turns
from helpers.streams import BufferedRecorder, Recorder, linked, receive_all

both_protocols = pytest.mark.parametrize("recorder", [Recorder, BufferedRecorder])


@both_protocols
@pytest.mark.parametrize("result", [None, False, 0, ""], ids=repr)
@on_loop
async def test_false_closes(loop, recorder, result):
    async with linked(loop, recorder(keep_open=result)) as link:
        link.peer.shutdown(socket.SHUT_WR)
        assert await link.protocol.lost() is None
        assert link.protocol.events == ["made", "eof", "lost"]


@both_protocols
@pytest.mark.parametrize("result", [True, 1, "yes"], ids=repr)
@on_loop
async def test_true_keeps_it_open_for_writing(loop, recorder, result):
    async with linked(loop, recorder(keep_open=result)) as link:
        link.peer.shutdown(socket.SHUT_WR)
        await link.protocol.saw("eof")
        await turns(5)
        assert link.protocol.events == ["made", "eof"]
        assert not link.transport.is_closing()
        answer = b"answer" * 1_000_000
        link.transport.write(answer)
        link.transport.close()
        assert await receive_all(loop, link.peer) == answer
        assert await link.protocol.lost() is None
        assert link.protocol.events.count("eof") == 1


@on_loop
async def test_half_open_transport_is_not_watched(loop):
    """End of file is readable for ever: watching on would spin."""
    before = watcher_count(loop)
    async with linked(loop, Recorder(keep_open=True)) as link:
        link.peer.shutdown(socket.SHUT_WR)
        await link.protocol.saw("eof")
        await turns(5)
        assert watcher_count(loop) == before


@pytest.mark.tulipa_only  # the standard loop reads on: it calls eof_received() a second time
@on_loop
async def test_pause_and_resume_after_the_end_of_file(loop):
    async with linked(loop, Recorder(keep_open=True)) as link:
        link.peer.shutdown(socket.SHUT_WR)
        await link.protocol.saw("eof")
        link.transport.pause_reading()
        link.transport.resume_reading()
        await turns(5)
        assert link.protocol.events == ["made", "eof"]


@on_loop
async def test_both_sides_end_of_file(loop):
    async with linked(loop, Recorder(keep_open=True)) as link:
        link.transport.write(b"all")
        link.transport.write_eof()
        assert await receive_all(loop, link.peer) == b"all"
        link.peer.close()
        await link.protocol.saw("eof")
        link.transport.close()
        assert await link.protocol.lost() is None


@pytest.mark.parametrize("way_out", ["close", "abort"])
@on_loop
async def test_leaving_in_eof_received_and_returning_true(loop, way_out):
    class Leaving(Recorder):
        def eof_received(self):
            super().eof_received()
            getattr(self.transport, way_out)()
            return True

    async with linked(loop, Leaving()) as link:
        link.peer.close()
        assert await link.protocol.lost() is None
        assert link.protocol.events == ["made", "eof", "lost"]
