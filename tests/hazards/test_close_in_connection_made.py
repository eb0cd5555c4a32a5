"""A protocol closes (or aborts) its transport in the callback that brings it: it is lost once, and reads nothing."""

import pytest
from helpers.running import on_loop
from helpers.streams import BufferedRecorder, Recorder, connected_sockets, nothing_left, receive_all

ways_out = pytest.mark.parametrize("way_out", ["close", "abort"])
both_protocols = pytest.mark.parametrize("recorder", [Recorder, BufferedRecorder])


@ways_out
@both_protocols
@on_loop
async def test_leaving_at_once(loop, recorder, way_out):
    class Leaving(recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            getattr(transport, way_out)()

    async with nothing_left(loop):
        ours, peer = connected_sockets()
        with peer:
            peer.send(b"nobody will read this")
            transport, protocol = await loop.create_connection(Leaving, sock=ours)
            assert transport.is_closing()
            assert await protocol.lost() is None
            assert protocol.events == ["made", "lost"]


@on_loop
async def test_last_words_are_sent(loop):
    class Hello(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.write(b"x" * 5_000_000)
            transport.close()

    async with nothing_left(loop):
        ours, peer = connected_sockets()
        with peer:
            _, protocol = await loop.create_connection(Hello, sock=ours)
            assert await receive_all(loop, peer) == b"x" * 5_000_000
            assert await protocol.lost() is None
