"""KeyboardInterrupt and SystemExit leave the loop from each callback of a protocol; the connection goes on after it."""

import pytest
from helpers.streams import BufferedRecorder, Recorder, connected_sockets


def interrupted_at(moment, exception, kind):
    """A protocol that raises once, at its first event of that name."""

    class Interrupted(kind):
        def note(self, event):
            super().note(event)
            if event == moment and self.events.count(event) == 1:
                raise exception

    return Interrupted()


@pytest.mark.parametrize("exception", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("kind", [Recorder, BufferedRecorder])
@pytest.mark.parametrize("moment", ["made", "data"])
def test_goes_on(loop, moment, kind, exception):
    protocol = interrupted_at(moment, exception, kind)
    ours, peer = connected_sockets()
    with peer:
        connecting = loop.create_task(loop.create_connection(lambda: protocol, sock=ours))
        peer.send(b"first")
        with pytest.raises(exception):
            loop.run_forever()
        transport, _ = loop.run_until_complete(connecting)
        assert loop.run_until_complete(protocol.received(5)) == b"first"
        transport.write(b"answer")
        transport.close()
        assert loop.run_until_complete(protocol.lost()) is None
        assert peer.recv(10) == b"answer"
