"""TLS transports: write-buffer limits and sizes, pausing the protocol, and pausing of reading."""

import pytest
from helpers.running import on_loop, turns
from helpers.streams import BufferedRecorder, Recorder, fill, receive_exactly
from helpers.tls import tls_linked

pytestmark = pytest.mark.usefixtures("use_tls_engine")

KIB = 1024
both_protocols = pytest.mark.parametrize("recorder", [Recorder, BufferedRecorder])


# --- writing -----------------------------------------------------------------------------------


@on_loop
async def test_limits(loop):
    async with tls_linked(loop) as link:
        transport = link.transport
        assert transport.get_write_buffer_limits() == (128 * KIB, 512 * KIB)
        for limits, low_high in [
            ({"high": 1000}, (250, 1000)),
            ({"low": 1000}, (1000, 4000)),
            ({"high": 1000, "low": 1}, (1, 1000)),
            ({}, (128 * KIB, 512 * KIB)),
        ]:
            transport.set_write_buffer_limits(**limits)
            assert transport.get_write_buffer_limits() == low_high
        for limits in ({"high": 1, "low": 2}, {"high": 10, "low": -1}, {"high": -1}):
            with pytest.raises(ValueError, match="high"):
                transport.set_write_buffer_limits(**limits)
        assert transport.get_write_buffer_limits() == (128 * KIB, 512 * KIB)


@pytest.mark.tulipa_only  # asyncio hands all of it down, and then thinks that there is room
@on_loop
async def test_protocol_is_paused_and_resumed(loop):
    async with tls_linked(loop, kind="unix") as link:
        size = 8 * KIB * KIB
        link.transport.write(bytes(size))
        assert link.protocol.events == ["made", "pause"], "it is told at once, from within write()"
        assert link.transport.get_write_buffer_size() > 512 * KIB
        link.transport.write(b"end")
        assert await link.peer.receive_exactly(size + 3) == bytes(size) + b"end"
        await link.protocol.saw("resume")
        assert link.protocol.events == ["made", "pause", "resume"]
        assert link.transport.get_write_buffer_size() == 0


@pytest.mark.tulipa_only  # asyncio's limits do not know of what the transport below holds
@on_loop
async def test_limit_of_nothing(loop):
    async with tls_linked(loop, kind="unix") as link:
        link.transport.set_write_buffer_limits(high=0)
        link.transport.write(b"taken at once")
        assert await link.peer.receive_exactly(13) == b"taken at once"
        assert link.protocol.events == ["made"]
        filled = fill(link.transport.get_extra_info("socket"))
        link.transport.write(b"waits")
        assert link.transport.get_write_buffer_size() >= 5
        assert link.protocol.events == ["made", "pause"]
        await receive_exactly(loop, link.peer.sock, len(filled))
        assert await link.peer.receive_exactly(5) == b"waits"
        await link.protocol.saw("resume")


@pytest.mark.tulipa_only  # asyncio hands all of it down, and then thinks that there is room
@on_loop
async def test_writing_on_while_paused_and_in_resume_writing(loop):
    class Eager(Recorder):
        left = 3

        def resume_writing(self):
            super().resume_writing()
            self.left -= 1
            if self.left:
                self.transport.write(bytes([self.left]) * KIB * KIB * 4)
            else:
                self.transport.close()

    async with tls_linked(loop, Eager(), kind="unix") as link:
        link.transport.write(b"\3" * KIB * KIB * 4)
        data = await link.peer.receive_all()
        assert data == b"".join(bytes([number]) * KIB * KIB * 4 for number in (3, 2, 1))
        await link.peer.say_goodbye()
        assert await link.protocol.lost() is None


@pytest.mark.tulipa_only  # as before
@pytest.mark.parametrize("kind", [bytes, bytearray])
@on_loop
async def test_closing_while_paused_sends_all(loop, kind):
    class Closing(Recorder):
        def pause_writing(self):
            super().pause_writing()
            self.transport.close()

    async with tls_linked(loop, Closing(), kind="unix") as link:
        link.transport.write(kind(b"x" * 4 * KIB * KIB))
        assert await link.peer.receive_all() == b"x" * 4 * KIB * KIB
        await link.peer.say_goodbye()
        assert await link.protocol.lost() is None


@pytest.mark.tulipa_only  # as before
@pytest.mark.parametrize("which", ["pause_writing", "resume_writing"])
@on_loop
async def test_errors_of_the_protocol_are_reported(loop, loop_errors, which):
    class Failing(Recorder):
        def pause_writing(self):
            super().pause_writing()
            if which == "pause_writing":
                raise ZeroDivisionError

        def resume_writing(self):
            super().resume_writing()
            if which == "resume_writing":
                raise ZeroDivisionError

    async with tls_linked(loop, Failing(), kind="unix") as link:
        link.transport.write(bytes(4 * KIB * KIB))
        await link.peer.receive_exactly(4 * KIB * KIB)
        await link.protocol.saw("resume")
        assert [context["message"] for context in loop_errors] == [f"protocol.{which}() failed"]
        loop_errors.clear()
        link.transport.write(b"goes on")
        assert await link.peer.receive_exactly(7) == b"goes on"


# --- reading -----------------------------------------------------------------------------------


@both_protocols
@on_loop
async def test_pause_and_resume_reading(loop, recorder):
    async with tls_linked(loop, recorder()) as link:
        link.transport.pause_reading()
        assert not link.transport.is_reading()
        await link.peer.send(b"data")
        await turns(10)
        assert link.protocol.events == ["made"]
        link.transport.resume_reading()
        assert link.transport.is_reading()
        assert link.protocol.events == ["made"], "never from within resume_reading()"
        assert await link.protocol.received(4) == b"data"


@on_loop
async def test_pausing_twice(loop):
    async with tls_linked(loop) as link:
        link.transport.resume_reading()
        link.transport.pause_reading()
        link.transport.pause_reading()
        link.transport.resume_reading()
        link.transport.resume_reading()
        await link.peer.send(b"data")
        assert await link.protocol.received(4) == b"data"


@on_loop
async def test_pausing_in_data_received_keeps_the_rest(loop):
    class Pausing(BufferedRecorder):
        def buffer_updated(self, nbytes):
            super().buffer_updated(nbytes)
            self.transport.pause_reading()

    async with tls_linked(loop, Pausing(size=10)) as link:
        await loop.sock_sendall(link.peer.sock, link.peer.encrypt(b"0123456789", b"abcdefghij"))
        assert await link.protocol.received(10) == b"0123456789"
        await turns(5)
        if link.protocol.data == b"0123456789":  # asyncio may have read on already
            link.transport.resume_reading()
        assert await link.protocol.received(20) == b"0123456789abcdefghij"


@on_loop
async def test_peer_is_held_up_while_paused(loop):
    """What is not read fills buffers of a limited size, then the peer's."""
    async with tls_linked(loop, kind="unix") as link:
        link.transport.pause_reading()
        data = bytes(range(256)) * 32768
        sending = loop.create_task(link.peer.send(data))
        await turns(2000)
        assert not sending.done()
        low, high = link.transport.get_read_buffer_limits()
        assert (low, high) == (64 * KIB, 256 * KIB)
        assert high <= link.transport.get_read_buffer_size() <= 2 * high
        link.transport.resume_reading()
        assert await link.protocol.received(len(data)) == data
        await sending
        assert link.transport.get_read_buffer_size() == 0


@on_loop
async def test_read_limits(loop):
    async with tls_linked(loop) as link:
        link.transport.set_read_buffer_limits(high=1000, low=10)
        assert link.transport.get_read_buffer_limits() == (10, 1000)
        with pytest.raises(ValueError):
            link.transport.set_read_buffer_limits(high=1, low=10)
        link.transport.pause_reading()
        await link.peer.send(b"x" * 5000)
        while link.transport.get_read_buffer_size() < 5000:
            await turns()
        link.transport.resume_reading()
        assert await link.protocol.received(5000) == b"x" * 5000


@both_protocols
@on_loop
async def test_the_end_waits_while_paused(loop, recorder):
    async with tls_linked(loop, recorder()) as link:
        link.transport.pause_reading()
        await link.peer.send(b"last words")
        await link.peer.say_goodbye()
        await turns(10)
        assert link.protocol.events == ["made"]
        link.transport.resume_reading()
        assert await link.protocol.lost() is None
        assert link.protocol.data == b"last words"
        assert link.protocol.events == ["made", "data", "eof", "lost"]


@on_loop
async def test_a_truncated_end_waits_while_paused(loop):
    async with tls_linked(loop) as link:
        link.transport.pause_reading()
        await link.peer.send(b"last words")
        link.peer.sock.shutdown(1)
        await turns(10)
        assert link.protocol.events == ["made"]
        link.transport.resume_reading()
        assert await link.protocol.lost() is None
        assert link.protocol.data == b"last words"
