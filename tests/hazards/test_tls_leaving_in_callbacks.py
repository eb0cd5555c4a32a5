"""A protocol closes or aborts its TLS transport in each of its callbacks: lost once, after all, and nothing is left."""

import pytest
from helpers.running import on_loop, turns
from helpers.streams import BufferedRecorder, Recorder, nothing_left
from helpers.tls import tls_linked

pytestmark = [pytest.mark.usefixtures("use_tls_engine"), pytest.mark.tulipa_only]

ways_out = pytest.mark.parametrize("way_out", ["close", "abort"])


def leaving(kind, callback, way_out):
    """A protocol of that kind that leaves in that callback, having done what it does there."""

    class Leaving(kind):
        pass

    def leave(self, *args):
        result = getattr(kind, callback)(self, *args)
        getattr(self.transport, way_out)()
        return result

    setattr(Leaving, callback, leave)
    return Leaving()


@ways_out
@pytest.mark.parametrize("kind, callback", [
    (Recorder, "data_received"), (Recorder, "eof_received"),
    (Recorder, "pause_writing"), (Recorder, "resume_writing"), (Recorder, "connection_lost"),
    (BufferedRecorder, "get_buffer"), (BufferedRecorder, "buffer_updated"),
])
@pytest.mark.parametrize("server_side", [False, True], ids=["client", "server"])
@on_loop
async def test_leaving(loop, kind, callback, way_out, server_side):
    async with nothing_left(loop):
        protocol = leaving(kind, callback, way_out)
        async with tls_linked(loop, protocol, server_side=server_side, kind="unix") as link:
            if callback == "pause_writing":
                link.transport.write(bytes(2_000_000))
            elif callback == "resume_writing":
                link.transport.write(bytes(2_000_000))
                await link.peer.receive_exactly(2_000_000)
            else:
                await link.peer.send(b"some data")
                await turns(3)
            if not (callback == "pause_writing" and way_out == "close"):
                try:
                    await link.peer.say_goodbye()
                except OSError:
                    assert way_out == "abort"
            if way_out == "close" and callback == "pause_writing":
                assert await link.peer.receive_all() == bytes(2_000_000)
                await link.peer.say_goodbye()
            assert await protocol.lost() is None or way_out == "abort"
        assert protocol.events[0] == "made" and protocol.events[-1] == "lost"
        assert protocol.events.count("lost") == 1 and protocol.events.count("eof") <= 1


@ways_out
@on_loop
async def test_leaving_at_once(loop, way_out):
    """Of a server, whose peer has finished its handshake by then."""
    async with nothing_left(loop):
        protocol = leaving(Recorder, "connection_made", way_out)
        async with tls_linked(loop, protocol, server_side=True) as link:
            assert link.transport.is_closing()
            link.peer.sock.close()
            await protocol.lost()
        assert protocol.events in (["made", "lost"], ["made", "eof", "lost"])
