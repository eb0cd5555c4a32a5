"""A protocol hands its transport over in the middle of a callback; what is read next goes to the new one."""

import pytest
from helpers.running import on_loop, turns
from helpers.streams import BufferedRecorder, Recorder, linked


def handing_over(recorder, successor):
    class HandingOver(recorder):
        def note(self, event):
            super().note(event)
            if event == "data":
                self.transport.set_protocol(successor)

    return HandingOver()


@pytest.mark.parametrize("second", [Recorder, BufferedRecorder])
@pytest.mark.parametrize("first", [Recorder, lambda: BufferedRecorder(size=5)])
@on_loop
async def test_the_rest_goes_to_the_successor(loop, first, second):
    successor = second()
    kind = type(first())
    protocol = handing_over(kind, successor)
    if kind is BufferedRecorder:
        protocol.buffer = bytearray(5)
    async with linked(loop, protocol) as link:
        await loop.sock_sendall(link.peer, b"first")
        await protocol.saw("data")
        await loop.sock_sendall(link.peer, b"second")
        assert await successor.received(6) == b"second"
        assert protocol.data == b"first"
        link.peer.close()
        await successor.lost()
        await turns(2)
        assert protocol.events == ["made", "data"]
        assert successor.events[-2:] == ["eof", "lost"]


@on_loop
async def test_small_buffer_hands_over_in_the_middle_of_the_data(loop):
    successor = Recorder()
    protocol = handing_over(BufferedRecorder, successor)
    protocol.buffer = bytearray(5)
    async with linked(loop, protocol) as link:
        await loop.sock_sendall(link.peer, b"firstsecond")
        assert await successor.received(6) == b"second"
        assert protocol.data == b"first"


@on_loop
async def test_handing_over_in_connection_made(loop):
    class HandingOver(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.set_protocol(successor)

    successor = BufferedRecorder()
    async with linked(loop, HandingOver()) as link:
        await loop.sock_sendall(link.peer, b"data")
        assert await successor.received(4) == b"data"
        assert link.protocol.events == ["made"]


@on_loop
async def test_handing_over_in_eof_received(loop):
    class HandingOver(Recorder):
        def eof_received(self):
            self.transport.set_protocol(successor)
            return super().eof_received()

    successor = Recorder()
    async with linked(loop, HandingOver()) as link:
        link.peer.close()
        await successor.lost()
        assert link.protocol.events == ["made", "eof"]
        assert successor.events == ["lost"]
