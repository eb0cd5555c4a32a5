"""A protocol writes, or closes, in pause_writing() and resume_writing()."""

import pytest
from helpers.running import on_loop, turns
from helpers.streams import Recorder, fill, linked, receive_all, receive_exactly


@on_loop
async def test_refilling_in_resume_writing(loop):
    class Refilling(Recorder):
        left = 20

        def resume_writing(self):
            super().resume_writing()
            if self.left:
                self.left -= 1
                self.transport.write(b"%06d" % self.left * 50_000)
            else:
                self.transport.write_eof()

    async with linked(loop, Refilling(), kind="unix") as link:
        filled = fill(link.transport.get_extra_info("socket"))
        link.transport.set_write_buffer_limits(high=0)
        link.transport.write(b"start")
        expected = filled + b"start" + b"".join(b"%06d" % number * 50_000 for number in reversed(range(20)))
        assert await receive_all(loop, link.peer) == expected
        assert link.protocol.events.count("pause") == link.protocol.events.count("resume") == 21


@on_loop
async def test_writing_in_pause_writing(loop):
    class Chatty(Recorder):
        def pause_writing(self):
            super().pause_writing()
            self.transport.write(b"!")

    async with linked(loop, Chatty(), kind="unix") as link:
        filled = fill(link.transport.get_extra_info("socket"))
        link.transport.set_write_buffer_limits(high=0)
        link.transport.write(b"rest")
        assert link.protocol.events == ["made", "pause"]
        assert await receive_exactly(loop, link.peer, len(filled) + 5) == filled + b"rest!"


@pytest.mark.tulipa_only  # the standard loop then loses the connection twice: AttributeError in its own callback
@pytest.mark.parametrize("way_out", ["close", "abort"])
@on_loop
async def test_leaving_in_resume_writing(loop, way_out):
    class Leaving(Recorder):
        def resume_writing(self):
            super().resume_writing()
            getattr(self.transport, way_out)()

    async with linked(loop, Leaving(), kind="unix") as link:
        filled = fill(link.transport.get_extra_info("socket"))
        link.transport.set_write_buffer_limits(high=0)
        link.transport.write(b"rest")
        assert await receive_all(loop, link.peer) == filled + b"rest"
        assert await link.protocol.lost() is None
        await turns(3)
        assert link.protocol.events == ["made", "pause", "resume", "lost"]


@on_loop
async def test_close_in_pause_writing_still_sends(loop):
    class Leaving(Recorder):
        def pause_writing(self):
            super().pause_writing()
            self.transport.close()

    async with linked(loop, Leaving(), kind="unix") as link:
        filled = fill(link.transport.get_extra_info("socket"))
        link.transport.set_write_buffer_limits(high=0)
        link.transport.write(b"rest")
        assert await receive_all(loop, link.peer) == filled + b"rest"
        assert await link.protocol.lost() is None


@pytest.mark.tulipa_only  # since 3.12 the standard loop asks to pause only with the next write
@pytest.mark.parametrize("full", [False, True])
@on_loop
async def test_pieces_of_writelines_stay_together(loop, full):
    class Chatty(Recorder):
        def pause_writing(self):
            super().pause_writing()
            self.transport.write(b"!")

    async with linked(loop, Chatty(), kind="unix") as link:
        filled = fill(link.transport.get_extra_info("socket")) if full else b""
        link.transport.set_write_buffer_limits(high=0)
        link.transport.writelines([b"one", bytearray(b"two"), b"", memoryview(b"three")])
        link.transport.write(b".")
        if full:
            assert await receive_exactly(loop, link.peer, len(filled) + 13) == filled + b"onetwothree!."
        else:
            assert await receive_exactly(loop, link.peer, 12) == b"onetwothree."
