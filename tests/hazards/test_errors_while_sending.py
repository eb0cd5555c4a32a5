"""error_received is called while a batch of datagrams is being sent, and does something to its transport."""

import pytest
from helpers.datagrams import Recorder, address, bare_socket, drain, endpoint
from helpers.running import on_loop, turns

TOO_LONG = bytes(70_000)


class Acting(Recorder):
    """Does `action` at the first error."""

    def __init__(self, action):
        super().__init__()
        self.action = action

    def error_received(self, exc):
        super().error_received(exc)
        if len(self.errors) == 1:
            self.action(self.transport)


def send(ours, peer):
    ours.transport.set_write_buffer_limits(high=1_000_000)  # so that all of it is one batch
    for data in (b"1", TOO_LONG, b"2", TOO_LONG, b"3"):
        ours.transport.sendto(data, peer.getsockname())


@pytest.mark.tulipa_only  # the standard loop has sent some before and is closed for the others
@pytest.mark.parametrize("way_out, arrived", [("close", [b"1", b"2", b"3"]), ("abort", [b"1"])])
@on_loop
async def test_leaving(loop, way_out, arrived):
    async with endpoint(loop, Acting(lambda transport: getattr(transport, way_out)())) as ours:
        with bare_socket() as peer:
            send(ours, peer)
            assert await ours.lost() is None
            assert drain(peer) == arrived
            assert ours.events[-1] == "lost" and ours.events.count("lost") == 1


@pytest.mark.tulipa_only  # the standard loop sends it between the others
@on_loop
async def test_sending(loop):
    with bare_socket() as peer:
        name = peer.getsockname()
        async with endpoint(loop, Acting(lambda transport: transport.sendto(b"4", name))) as ours:
            send(ours, peer)
            await turns(5)
            assert drain(peer) == [b"1", b"2", b"3", b"4"]
            assert len(ours.errors) == 2
            assert ours.transport.get_write_buffer_size() == 0


@pytest.mark.tulipa_only  # the standard loop recurses until it can't
@on_loop
async def test_sending_what_fails_again_and_again(loop):
    """The loop is not held up: each turn has its one error."""

    class Stubborn(Recorder):
        def error_received(self, exc):
            super().error_received(exc)
            self.transport.sendto(TOO_LONG, address(self))

    async with endpoint(loop, Stubborn()) as ours:
        ours.transport.set_write_buffer_limits(high=1_000_000)
        ours.transport.sendto(TOO_LONG, address(ours))
        await turns(20)
        assert 2 <= len(ours.errors) <= 21


@pytest.mark.tulipa_only  # the standard loop lets it out of sendto()
@on_loop
async def test_raising(loop, loop_errors):
    async with endpoint(loop, Acting(lambda transport: 1 / 0)) as ours:
        with bare_socket() as peer:
            send(ours, peer)
            await turns(3)
            assert drain(peer) == [b"1", b"2", b"3"]
            assert [type(context["exception"]) for context in loop_errors] == [ZeroDivisionError]
            loop_errors.clear()


@pytest.mark.tulipa_only
def test_interrupted(loop):
    """What leaves the loop takes no datagram with it."""

    def interrupt(transport):
        raise KeyboardInterrupt

    protocol = Acting(interrupt)
    with bare_socket() as peer:
        transport, _ = loop.run_until_complete(
            loop.create_datagram_endpoint(lambda: protocol, local_addr=("127.0.0.1", 0))
        )
        loop.call_soon(send, protocol, peer)
        with pytest.raises(KeyboardInterrupt):
            loop.run_forever()
        loop.run_until_complete(turns(3))
        assert drain(peer) == [b"1", b"2", b"3"]
        transport.close()
        loop.run_until_complete(protocol.lost())
