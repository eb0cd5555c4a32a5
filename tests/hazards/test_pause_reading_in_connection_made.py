"""Reading is paused before it has begun: not a byte comes through until it is resumed."""

import pytest
from helpers.running import on_loop, turns
from helpers.streams import BufferedRecorder, Factory, Recorder, address, connected_sockets, serving


def pausing(recorder):
    class Pausing(recorder):
        def connection_made(self, transport):
            transport.pause_reading()
            assert not transport.is_reading()
            super().connection_made(transport)

    return Pausing


@pytest.mark.parametrize("recorder", [Recorder, BufferedRecorder])
@on_loop
async def test_connecting_side(loop, recorder):
    ours, peer = connected_sockets()
    with peer:
        peer.send(b"early")
        transport, protocol = await loop.create_connection(pausing(recorder), sock=ours)
        await turns(5)
        assert protocol.events == ["made"]
        transport.resume_reading()
        assert await protocol.received(5) == b"early"
        transport.close()
        await protocol.lost()


@on_loop
async def test_accepting_side(loop):
    accepted = Factory(pausing(Recorder))
    async with serving(loop, accepted) as server:
        transport, protocol = await loop.create_connection(Recorder, *address(server))
        transport.write(b"early")
        served = await accepted.connected()
        await turns(5)
        assert served.events == ["made"]
        served.transport.resume_reading()
        assert await served.received(5) == b"early"
        transport.close()
        await served.lost()


@on_loop
async def test_paused_and_resumed_in_connection_made(loop):
    class Undecided(Recorder):
        def connection_made(self, transport):
            transport.pause_reading()
            transport.resume_reading()
            super().connection_made(transport)

    ours, peer = connected_sockets()
    with peer:
        peer.send(b"early")
        transport, protocol = await loop.create_connection(Undecided, sock=ours)
        assert await protocol.received(5) == b"early"
        assert protocol.events == ["made", "data"]
        transport.close()
        await protocol.lost()
