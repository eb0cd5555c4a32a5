"""Many datagrams are there at once, and the protocol closes, aborts, pauses or is replaced at one of them."""

import pytest
from helpers.datagrams import Recorder, address, bare_socket, drain, endpoint
from helpers.running import on_loop, turns
from helpers.streams import LOOPBACK

COUNT = 50
ALL = [b"%d" % number for number in range(COUNT)]


class Acting(Recorder):
    """Does `action` when the tenth datagram comes."""

    def __init__(self, action):
        super().__init__()
        self.action = action

    def datagram_received(self, data, addr):
        super().datagram_received(data, addr)
        if data == b"10":
            self.action(self.transport)


def send_all(peer, protocol):
    for data in ALL:
        peer.sendto(data, address(protocol))


@pytest.mark.parametrize("way_out", ["close", "abort"])
@on_loop
async def test_leaving(loop, way_out):
    async with endpoint(loop, Acting(lambda transport: getattr(transport, way_out)())) as ours:
        with bare_socket() as peer:
            send_all(peer, ours)
            assert await ours.lost() is None
            await turns(3)
            assert [data for data, _ in ours.received] == ALL[:11]
            assert ours.events[-1] == "lost"


@on_loop
async def test_pausing(loop):
    async with endpoint(loop, Acting(lambda transport: transport.pause_reading())) as ours:
        with bare_socket() as peer:
            send_all(peer, ours)
            await ours.datagrams(11)
            await turns(5)
            assert [data for data, _ in ours.received] == ALL[:11]
            ours.transport.resume_reading()
            assert await ours.datagrams(COUNT) == ALL
            peer.sendto(b"after", address(ours))
            await ours.datagrams(COUNT + 1)


@pytest.mark.parametrize("way_out", ["close", "abort"])
@on_loop
async def test_leaving_while_paused(loop, way_out):
    async with endpoint(loop, Acting(lambda transport: transport.pause_reading())) as ours:
        with bare_socket() as peer:
            send_all(peer, ours)
            await ours.datagrams(11)
            getattr(ours.transport, way_out)()
            ours.transport.resume_reading()
            assert await ours.lost() is None
            assert [data for data, _ in ours.received] == ALL[:11]


@on_loop
async def test_pausing_and_resuming_at_once(loop):
    def blink(transport):
        transport.pause_reading()
        transport.resume_reading()

    async with endpoint(loop, Acting(blink)) as ours:
        with bare_socket() as peer:
            send_all(peer, ours)
            assert await ours.datagrams(COUNT) == ALL
            await turns(5)
            assert len(ours.received) == COUNT


@on_loop
async def test_replacing(loop):
    other = Recorder()
    async with endpoint(loop, Acting(lambda transport: transport.set_protocol(other))) as ours:
        with bare_socket() as peer:
            send_all(peer, ours)
            assert await other.datagrams(COUNT - 11) == ALL[11:]
            assert [data for data, _ in ours.received] == ALL[:11]
            ours.transport.set_protocol(ours)


@on_loop
async def test_answers_before_leaving(loop):
    class Answering(Acting):
        def datagram_received(self, data, addr):
            self.transport.sendto(b"answer to " + data, addr)
            super().datagram_received(data, addr)

    async with endpoint(loop, Answering(lambda transport: transport.close())) as ours:
        with bare_socket() as peer:
            send_all(peer, ours)
            assert await ours.lost() is None
            assert drain(peer) == [b"answer to " + data for data in ALL[:11]]


@pytest.mark.parametrize("exception", [KeyboardInterrupt, SystemExit])
def test_interrupted(loop, exception):
    """What leaves the loop takes no datagram with it."""

    def interrupt(transport):
        raise exception

    protocol = Acting(interrupt)
    transport, _ = loop.run_until_complete(
        loop.create_datagram_endpoint(lambda: protocol, local_addr=(LOOPBACK, 0))
    )
    with bare_socket() as peer:
        send_all(peer, protocol)
        with pytest.raises(exception):
            loop.run_forever()
        assert loop.run_until_complete(protocol.datagrams(COUNT)) == ALL
        transport.close()
        loop.run_until_complete(protocol.lost())


@on_loop
async def test_exceptions_are_reported_and_the_rest_is_delivered(loop, loop_errors):
    async with endpoint(loop, Acting(lambda transport: 1 / 0)) as ours:
        with bare_socket() as peer:
            send_all(peer, ours)
            assert await ours.datagrams(COUNT) == ALL
            (context,) = loop_errors
            assert isinstance(context["exception"], ZeroDivisionError)
            loop_errors.clear()
            assert not ours.transport.is_closing()
