"""A pipe is closed, aborted or paused from within each callback of its protocol: connection_lost comes once, last."""

import os

import pytest
from helpers.pipes import fill, pipe_of, take_all
from helpers.running import on_loop, turns
from helpers.streams import Recorder

pytestmark = pytest.mark.tulipa_only


def acting(callback, action):
    """A Recorder that calls a method of its transport in one of its callbacks."""

    def act(self, *args):
        getattr(Recorder, callback)(self, *args)
        getattr(self.transport, action)()

    return type("Acting", (Recorder,), {callback: act})


@pytest.mark.parametrize("action", ["close", "abort", "pause_reading", "resume_reading"])
@pytest.mark.parametrize("callback", ["connection_made", "data_received", "eof_received", "connection_lost"])
@on_loop
async def test_reading(loop, callback, action):
    with pipe_of("pipe") as (reader, writer):
        writer.write(b"data")
        writer.close()
        transport, protocol = await loop.connect_read_pipe(acting(callback, action), reader)
        await turns(3)
        transport.resume_reading()
        await protocol.lost()
        await turns(3)
        assert protocol.events.count("lost") == 1
        assert protocol.events[-1] == "lost"
        assert reader.closed


@pytest.mark.parametrize("action", ["close", "abort", "write_eof"])
@pytest.mark.parametrize("callback", ["connection_made", "pause_writing", "resume_writing", "connection_lost"])
@on_loop
async def test_writing(loop, callback, action):
    with pipe_of("pipe") as (reader, writer):
        os.set_blocking(reader.fileno(), False)
        transport, protocol = await loop.connect_write_pipe(acting(callback, action), writer)
        if not transport.is_closing():
            filled = fill(transport)
            transport.write(b"x" * 100_000)
            received = await take_all(loop, reader) if callback == "pause_writing" and action != "abort" else None
            if received is not None:
                assert received == filled + b"x" * 100_000
            elif not transport.is_closing():
                task = loop.create_task(take_all(loop, reader))
                await protocol.saw("resume")
                transport.close()
                await task
        await protocol.lost()
        await turns(3)
        assert protocol.events.count("lost") == 1
        assert protocol.events[-1] == "lost"
        assert writer.closed


@on_loop
async def test_closed_when_it_is_told_of_in_debug_mode(loop, caplog):
    """What is written to the log names descriptors that are gone."""
    loop.set_debug(True)
    caplog.set_level("DEBUG", "asyncio")
    with pipe_of("pipe") as ends:
        descriptors = [end.fileno() for end in ends]
        for connect, end in zip((loop.connect_read_pipe, loop.connect_write_pipe), ends, strict=True):
            _, protocol = await connect(acting("connection_made", "close"), end)
            await protocol.lost()
        assert [end.closed for end in ends] == [True, True]
    told = [record.args[:2] for record in caplog.records if "pipe" in record.msg]
    assert told == list(zip(("Read", "Write"), descriptors, strict=True))
