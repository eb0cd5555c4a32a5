"""A pipe's transport is dropped without having been closed: ResourceWarning, and its file is closed."""

import contextlib
import warnings

import pytest
from helpers.pipes import pipe_of
from helpers.running import on_loop
from helpers.streams import Recorder, collect_garbage


@contextlib.contextmanager
def warnings_of_transports():
    """The ResourceWarnings about transports, complete after the block."""
    messages = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield messages
        collect_garbage()
    messages += [str(warning.message) for warning in caught if "transport" in str(warning.message)]


@on_loop
async def test_dropped_while_nothing_is_read(loop):
    with pipe_of("pipe") as (reader, writer):
        transport, _ = await loop.connect_read_pipe(Recorder, reader)
        transport.pause_reading()
        with warnings_of_transports() as messages:
            del transport, _
        assert len(messages) == 1
        assert messages[0].startswith("unclosed transport")
        assert reader.closed
        with pytest.raises(BrokenPipeError):
            writer.write(b"x")


@on_loop
async def test_reading_transport_is_kept_by_the_loop(loop):
    with pipe_of("pipe") as (reader, writer):
        transport, protocol = await loop.connect_read_pipe(Recorder, reader)
        protocol.transport = None
        with warnings_of_transports() as messages:
            del transport
        assert messages == []
        writer.write(b"data")
        assert await protocol.received(4) == b"data"
        writer.close()
        await protocol.lost()


@pytest.mark.parametrize("direction", ["read", "write"])
def test_dropped_with_its_loop(loop_factory, direction):
    loop = loop_factory()
    with pipe_of("pipe") as (reader, writer):
        end = reader if direction == "read" else writer
        connect = loop.connect_read_pipe if direction == "read" else loop.connect_write_pipe
        transport, protocol = loop.run_until_complete(connect(Recorder, end))
        loop.close()
        protocol.transport = None
        with warnings_of_transports() as messages:
            del transport, protocol, loop, connect
        assert len(messages) == 1
        assert messages[0].startswith("unclosed transport")
        assert end.closed


@pytest.mark.tulipa_only
@pytest.mark.parametrize("direction", ["read", "write"])
def test_closed_after_its_loop(loop_factory, direction):
    loop = loop_factory()
    with pipe_of("pipe") as (reader, writer):
        end = reader if direction == "read" else writer
        connect = loop.connect_read_pipe if direction == "read" else loop.connect_write_pipe
        transport, _ = loop.run_until_complete(connect(Recorder, end))
        loop.close()
        transport.close()
        assert end.closed
