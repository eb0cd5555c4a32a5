"""Once a connection is over nothing holds its protocol: it goes without the help of the garbage collector."""

import gc
import weakref

import pytest
from helpers.running import on_loop, turns
from helpers.streams import Recorder, connected_sockets


@pytest.mark.parametrize("way_out", ["close", "abort"])
@on_loop
async def test_protocol_and_transport(loop, way_out):
    ours, peer = connected_sockets()
    with peer:
        transport, protocol = await loop.create_connection(Recorder, sock=ours)
        getattr(transport, way_out)()
        await turns(3)
        assert protocol.events == ["made", "lost"]
        reference = weakref.ref(protocol)
        gc.disable()
        try:
            del transport, protocol
            assert reference() is None
        finally:
            gc.enable()


@on_loop
async def test_transport_is_of_no_use_but_harmless(loop):
    ours, peer = connected_sockets()
    with peer:
        transport, protocol = await loop.create_connection(Recorder, sock=ours)
        transport.close()
        await protocol.lost()
        await turns(2)
        assert transport.get_protocol() is None
        transport.abort()
        transport.close()
        transport.pause_reading()
        transport.resume_reading()
        assert transport.is_closing()
        assert protocol.events == ["made", "lost"]
