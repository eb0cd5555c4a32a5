"""The file object of a pipe is closed behind its transport's back: the transport can still be closed, once."""

import pytest
from helpers.pipes import pipe_of
from helpers.running import on_loop, turns
from helpers.streams import Recorder

pytestmark = pytest.mark.tulipa_only


@pytest.mark.parametrize("direction", ["read", "write"])
@on_loop
async def test_closing_afterwards(loop, direction):
    with pipe_of("pipe") as (reader, writer):
        end = reader if direction == "read" else writer
        connect = loop.connect_read_pipe if direction == "read" else loop.connect_write_pipe
        transport, protocol = await connect(Recorder, end)
        end.close()
        await turns(2)
        transport.close()
        await protocol.lost()
        assert protocol.events in (["made", "lost"], ["made", "eof", "lost"])


@on_loop
async def test_writing_afterwards(loop):
    with pipe_of("pipe") as (_, writer):
        transport, protocol = await loop.connect_write_pipe(Recorder, writer)
        writer.close()
        transport.write(b"nowhere")
        assert isinstance(await protocol.lost(), OSError)
