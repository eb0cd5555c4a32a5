"""Once a datagram endpoint is over nothing holds it; one that is dropped without being closed says so."""

import gc
import warnings
import weakref

import pytest
from helpers.datagrams import Recorder, address, bare_socket
from helpers.running import on_loop, turns
from helpers.streams import LOOPBACK, nothing_left


async def make(loop):
    return await loop.create_datagram_endpoint(Recorder, local_addr=(LOOPBACK, 0))


@pytest.mark.parametrize("way_out", ["close", "abort"])
@on_loop
async def test_freed_when_lost(loop, way_out):
    transport, protocol = await make(loop)
    with bare_socket() as peer:
        transport.sendto(b"x", peer.getsockname())
        peer.sendto(b"x", address(protocol))
        await protocol.datagrams(1)
        transport.pause_reading()
        getattr(transport, way_out)()
        await turns(3)
        reference = weakref.ref(protocol)
        gc.disable()
        try:
            del transport, protocol
            assert reference() is None
        finally:
            gc.enable()


@on_loop
async def test_of_no_use_but_harmless_when_over(loop):
    transport, protocol = await make(loop)
    transport.close()
    await protocol.lost()
    await turns(2)
    transport.abort()
    transport.close()
    transport.pause_reading()
    transport.resume_reading()
    assert transport.is_closing() and not transport.is_reading()
    assert transport.get_write_buffer_size() == 0
    assert protocol.events == ["made", "lost"]


@pytest.mark.tulipa_only  # the standard loop's refer to the loop, and the other way round
@on_loop
async def test_dropped_without_being_closed(loop):
    async with nothing_left(loop):
        transport, protocol = await make(loop)
        transport.pause_reading()  # nothing refers to it now but its own protocol
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del transport, protocol
            gc.collect()
        assert any("unclosed transport" in str(warning.message) for warning in caught)
