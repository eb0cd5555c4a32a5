"""Write-buffer limits and sizes, pause_writing/resume_writing, and pausing of reading."""

import pytest
from helpers.running import on_loop, turns
from helpers.streams import BufferedRecorder, Recorder, fill, linked, receive_all, receive_exactly

both_protocols = pytest.mark.parametrize("recorder", [Recorder, BufferedRecorder])


# --- limits ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "low_high"),
    [
        ({}, (16 * 1024, 64 * 1024)),
        ({"high": 1000}, (250, 1000)),
        ({"low": 1000}, (1000, 4000)),
        ({"high": 1000, "low": 1}, (1, 1000)),
        ({"high": 0}, (0, 0)),
        ({"high": 10, "low": 10}, (10, 10)),
    ],
    ids=str,
)
@on_loop
async def test_limits(loop, limits, low_high):
    async with linked(loop) as link:
        link.transport.set_write_buffer_limits(**limits)
        assert link.transport.get_write_buffer_limits() == low_high


@on_loop
async def test_default_limits(loop):
    async with linked(loop) as link:
        assert link.transport.get_write_buffer_limits() == (16 * 1024, 64 * 1024)


@pytest.mark.parametrize("limits", [{"high": 1, "low": 2}, {"high": 10, "low": -1}, {"high": -1}], ids=str)
@on_loop
async def test_limits_that_make_no_sense(loop, limits):
    async with linked(loop) as link:
        with pytest.raises(ValueError, match="high"):
            link.transport.set_write_buffer_limits(**limits)
        assert link.transport.get_write_buffer_limits() == (16 * 1024, 64 * 1024)


# --- pausing the writer ------------------------------------------------------------------------


@on_loop
async def test_buffer_size_counts_what_the_kernel_refused(loop):
    async with linked(loop, kind="unix") as link:
        assert link.transport.get_write_buffer_size() == 0
        filled = fill(link.transport.get_extra_info("socket"))
        link.transport.write(b"12345")
        assert link.transport.get_write_buffer_size() == 5
        link.transport.writelines([b"678", b"90"])
        assert link.transport.get_write_buffer_size() == 10
        await receive_exactly(loop, link.peer, len(filled) + 10)
        await turns(2)
        assert link.transport.get_write_buffer_size() == 0


@on_loop
async def test_pause_above_the_high_mark_resume_at_the_low_one(loop):
    async with linked(loop, kind="unix") as link:
        filled = fill(link.transport.get_extra_info("socket"))
        link.transport.set_write_buffer_limits(high=100, low=10)
        link.transport.write(b"x" * 100)
        assert link.protocol.events == ["made"], "the high mark itself is not above it"
        link.transport.write(b"x")
        assert link.protocol.events == ["made", "pause"], "it is told at once, from within write()"
        link.transport.write(b"x" * 99)
        assert link.protocol.events == ["made", "pause"], "it is told once"
        await receive_exactly(loop, link.peer, len(filled) + 200)
        await link.protocol.saw("resume")
        assert link.protocol.events == ["made", "pause", "resume"]


@on_loop
async def test_no_resume_between_the_marks(loop):
    async with linked(loop, kind="unix") as link:
        fill(link.transport.get_extra_info("socket"))
        link.transport.set_write_buffer_limits(high=100_000, low=50_000)
        link.transport.write(b"x" * 1_000_000)
        sizes = set()
        while "resume" not in link.protocol.events:
            link.peer.recv(20_000)
            await turns(2)
            size = link.transport.get_write_buffer_size()
            assert ("resume" in link.protocol.events) == (size <= 50_000)
            sizes.add(size)
        assert any(50_000 < size < 1_000_000 for size in sizes), "there was a moment between the marks"


@pytest.mark.tulipa_only  # the standard loop forgot to pause after writelines() in 3.12 and 3.13
@on_loop
async def test_writelines_pauses_too(loop):
    async with linked(loop, kind="unix") as link:
        fill(link.transport.get_extra_info("socket"))
        link.transport.set_write_buffer_limits(high=100)
        link.transport.writelines([b"x" * 60, b"x" * 60])
        assert link.protocol.events == ["made", "pause"]


@on_loop
async def test_high_mark_zero_pauses_on_anything_buffered(loop):
    async with linked(loop, kind="unix") as link:
        filled = fill(link.transport.get_extra_info("socket"))
        link.transport.set_write_buffer_limits(high=0)
        link.transport.write(b"x")
        assert link.protocol.events == ["made", "pause"]
        await receive_exactly(loop, link.peer, len(filled) + 1)
        await link.protocol.saw("resume")


@pytest.mark.std_since(3, 11)
@on_loop
async def test_lowering_the_limits_pauses(loop):
    async with linked(loop, kind="unix") as link:
        fill(link.transport.get_extra_info("socket"))
        link.transport.write(b"x" * 100)
        assert link.protocol.events == ["made"]
        link.transport.set_write_buffer_limits(high=10)
        assert link.protocol.events == ["made", "pause"]


@on_loop
async def test_writing_on_while_paused_loses_nothing(loop):
    async with linked(loop, kind="unix") as link:
        filled = fill(link.transport.get_extra_info("socket"))
        link.transport.set_write_buffer_limits(high=1)
        pieces = [b"%d," % number for number in range(500)]
        for piece in pieces:
            link.transport.write(piece)
        expected = filled + b"".join(pieces)
        link.transport.close()
        assert await receive_all(loop, link.peer) == expected


@on_loop
async def test_close_while_paused_calls_no_resume_late(loop):
    async with linked(loop, kind="unix") as link:
        link.transport.set_write_buffer_limits(high=1)
        filled = fill(link.transport.get_extra_info("socket"))
        link.transport.write(b"rest")
        link.transport.close()
        assert await receive_all(loop, link.peer) == filled + b"rest"
        await link.protocol.lost()
        await turns(2)
        assert link.protocol.events[-1] == "lost"


# --- pausing the reader ------------------------------------------------------------------------


@both_protocols
@on_loop
async def test_paused_reader_gets_nothing(loop, recorder):
    async with linked(loop, recorder()) as link:
        link.transport.pause_reading()
        assert link.transport.is_reading() is False
        await loop.sock_sendall(link.peer, b"waits")
        await turns(5)
        assert link.protocol.data == b""
        link.transport.resume_reading()
        assert link.transport.is_reading() is True
        assert await link.protocol.received(5) == b"waits"


@on_loop
async def test_pause_and_resume_again_and_again(loop):
    async with linked(loop) as link:
        for _ in range(2):
            link.transport.pause_reading()
            link.transport.pause_reading()
        link.transport.resume_reading()
        link.transport.resume_reading()
        assert link.transport.is_reading()
        await loop.sock_sendall(link.peer, b"data")
        assert await link.protocol.received(4) == b"data"


@on_loop
async def test_pause_and_resume_in_the_same_turn(loop):
    async with linked(loop) as link:
        await loop.sock_sendall(link.peer, b"data")
        link.transport.pause_reading()
        link.transport.resume_reading()
        assert await link.protocol.received(4) == b"data"


@on_loop
async def test_paused_reader_gets_no_end_of_file(loop):
    async with linked(loop) as link:
        link.transport.pause_reading()
        link.peer.close()
        await turns(5)
        assert link.protocol.events == ["made"]
        link.transport.resume_reading()
        await link.protocol.lost()
        assert link.protocol.events == ["made", "eof", "lost"]


@both_protocols
@on_loop
async def test_pause_in_the_callback_stops_at_once(loop, recorder):
    class Sipping(recorder):
        def note(self, event):
            super().note(event)
            if event == "data":
                self.transport.pause_reading()

    async with linked(loop, Sipping(), kind="unix") as link:
        sent = b"".join(b"%06d" % number for number in range(100_000))
        sending = loop.create_task(loop.sock_sendall(link.peer, sent))
        while len(link.protocol.data) < len(sent):
            sips = link.protocol.events.count("data")
            await link.protocol.saw("data", sips + 1)
            await turns(2)
            assert link.protocol.events.count("data") == sips + 1, "read on although paused"
            link.transport.resume_reading()
        await sending
        assert link.protocol.data == sent


@on_loop
async def test_pause_and_resume_after_close_do_nothing(loop):
    async with linked(loop) as link:
        link.transport.close()
        link.transport.pause_reading()
        link.transport.resume_reading()
        assert link.transport.is_reading() is False
        await link.protocol.lost()
        link.transport.pause_reading()
        link.transport.resume_reading()
        assert link.transport.is_reading() is False


@on_loop
async def test_writing_while_reading_is_paused(loop):
    async with linked(loop) as link:
        link.transport.pause_reading()
        data = b"x" * 3_000_000
        link.transport.write(data)
        assert await receive_exactly(loop, link.peer, len(data)) == data


@on_loop
async def test_paused_transport_can_be_closed(loop):
    async with linked(loop) as link:
        link.transport.pause_reading()
        link.transport.close()
        assert await link.protocol.lost() is None
        assert await receive_all(loop, link.peer) == b""


@on_loop
async def test_new_limits_count_only_what_the_kernel_refused(loop):
    async with linked(loop) as link:
        link.transport.write(b"x" * 1000)
        link.transport.set_write_buffer_limits(high=10)
        assert "pause" not in link.protocol.events
        assert link.transport.get_write_buffer_size() == 0
