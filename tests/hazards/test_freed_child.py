"""Once a child is over nothing holds its protocol and transport: they go without the help of the garbage collector."""

import gc
import weakref

import pytest
from helpers.children import ChildRecorder
from helpers.pipes import pipe_of
from helpers.running import on_loop, turns
from helpers.streams import Recorder

pytestmark = pytest.mark.tulipa_only


@on_loop
async def test_child(loop):
    transport, protocol = await loop.subprocess_exec(ChildRecorder, "echo", "x")
    await protocol.lost()
    protocol.transport = None
    await turns(3)
    references = [weakref.ref(thing) for thing in (transport, protocol, transport.get_pipe_transport(1))]
    gc.disable()
    try:
        del transport, protocol
        assert [reference() for reference in references] == [None] * 3
    finally:
        gc.enable()


@pytest.mark.parametrize("direction", ["read", "write"])
@on_loop
async def test_pipe(loop, direction):
    with pipe_of("pipe") as (reader, writer):
        end = reader if direction == "read" else writer
        connect = loop.connect_read_pipe if direction == "read" else loop.connect_write_pipe
        transport, protocol = await connect(Recorder, end)
        transport.close()
        await protocol.lost()
        await turns(3)
        reference = weakref.ref(protocol)
        gc.disable()
        try:
            del transport, protocol
            assert reference() is None
        finally:
            gc.enable()
