"""A protocol closes or aborts its transport in the callback that brings data, with more data waiting."""

import pytest
from helpers.running import on_loop, turns
from helpers.streams import BufferedRecorder, Recorder, linked


@pytest.mark.parametrize("way_out", ["close", "abort"])
@pytest.mark.parametrize("recorder", [Recorder, lambda: BufferedRecorder(size=4)], ids=["plain", "buffered"])
@on_loop
async def test_nothing_is_read_afterwards(loop, recorder, way_out):
    protocol = recorder()
    note = protocol.note

    def leave(event):
        if event == "data":
            getattr(protocol.transport, way_out)()
        note(event)

    protocol.note = leave
    async with linked(loop, protocol) as link:
        link.peer.send(b"data")
        await protocol.saw("data")
        link.peer.send(b"more data")
        assert await protocol.lost() is None
        await turns(3)
        assert protocol.events == ["made", "data", "lost"]
        assert protocol.data == b"data"


@pytest.mark.parametrize("way_out", ["close", "abort"])
@on_loop
async def test_leaving_in_get_buffer(loop, way_out):
    class Leaving(BufferedRecorder):
        def get_buffer(self, sizehint):
            getattr(self.transport, way_out)()
            return super().get_buffer(sizehint)

    async with linked(loop, Leaving()) as link:
        link.peer.send(b"data")
        assert await link.protocol.lost() is None
        await turns(3)
        assert link.protocol.events.count("lost") == 1
        assert link.protocol.events[-1] == "lost"


@on_loop
async def test_another_transport_is_closed_while_both_are_ready(loop):
    """Both are readable in one poll; whichever reads first aborts the other, which then reads nothing."""

    class Rival(Recorder):
        def data_received(self, data):
            super().data_received(data)
            (one if self is two.protocol else two).transport.abort()

    async with linked(loop, Rival()) as one, linked(loop, Rival()) as two:
        one.peer.send(b"x")
        two.peer.send(b"x")
        while not (one.transport.is_closing() or two.transport.is_closing()):
            await turns()
        await turns(3)
        events = sorted([one.protocol.events, two.protocol.events])
        assert events == [["made", "data"], ["made", "lost"]]
