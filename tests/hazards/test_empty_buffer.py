"""get_buffer() returns what can't be read into: an error, not an end of file, and no endless loop."""

import pytest
from helpers.running import on_loop
from helpers.streams import BufferedRecorder, linked


class Offering(BufferedRecorder):
    def __init__(self, buffer):
        super().__init__()
        self.buffer = buffer


async def error_of(loop, loop_errors, buffer):
    async with linked(loop, Offering(buffer)) as link:
        link.peer.send(b"data")
        error = await link.protocol.lost()
        assert link.protocol.events == ["made", "lost"]
        (context,) = loop_errors
        assert context["exception"] is error
        assert context["transport"] is link.transport
        loop_errors.clear()
        return error


@on_loop
async def test_empty(loop, loop_errors):
    error = await error_of(loop, loop_errors, bytearray())
    assert type(error) is RuntimeError
    assert "empty" in str(error) and "get_buffer" in str(error)


@pytest.mark.parametrize("buffer", [b"read-only", None, 7, "text"], ids=lambda buffer: type(buffer).__name__)
@on_loop
async def test_not_writable(loop, loop_errors, buffer):
    error = await error_of(loop, loop_errors, buffer)
    assert type(error) in (TypeError, BufferError)
