"""KeyboardInterrupt and SystemExit leave the loop from each callback of a protocol; the connection goes on after it."""

import pytest
from helpers.streams import BufferedRecorder, Recorder, connected_sockets, fill, receive_all


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


def interrupted(loop, exception):
    """Run the loop until it is left by `exception`."""
    with pytest.raises(exception):
        loop.run_forever()


@pytest.mark.tulipa_only  # the standard loop calls eof_received() again
@pytest.mark.parametrize("exception", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("kind", [Recorder, BufferedRecorder])
def test_end_of_file_is_told_once(loop, kind, exception):
    ours, peer = connected_sockets()
    protocol = interrupted_at("eof", exception, kind)
    loop.run_until_complete(loop.create_connection(lambda: protocol, sock=ours))
    peer.close()
    interrupted(loop, exception)
    assert loop.run_until_complete(protocol.lost()) is None
    assert protocol.events == ["made", "eof", "lost"]


@pytest.mark.tulipa_only  # the standard loop's transport stays closing for ever, or does not half-close
@pytest.mark.parametrize("exception", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("ending", ["close", "write_eof"])
def test_resume_writing_while_ending(loop, ending, exception):
    """The peer gets everything and the end."""
    ours, peer = connected_sockets("unix")
    with peer:
        protocol = interrupted_at("resume", exception, Recorder)
        transport, _ = loop.run_until_complete(loop.create_connection(lambda: protocol, sock=ours))
        filled = fill(ours)
        transport.set_write_buffer_limits(high=0)
        transport.write(b"rest")
        getattr(transport, ending)()
        receiving = loop.create_task(receive_all(loop, peer))
        interrupted(loop, exception)
        assert loop.run_until_complete(receiving) == filled + b"rest"
        transport.close()
        assert loop.run_until_complete(protocol.lost()) is None


@pytest.mark.parametrize("exception", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("way_out", ["close", "abort"])
def test_connection_lost(loop, way_out, exception):
    ours, peer = connected_sockets()
    with peer:
        protocol = interrupted_at("lost", exception, Recorder)
        transport, _ = loop.run_until_complete(loop.create_connection(lambda: protocol, sock=ours))
        getattr(transport, way_out)()
        interrupted(loop, exception)
        assert ours.fileno() == -1
        assert protocol.events == ["made", "lost"]


@pytest.mark.parametrize("exception", [KeyboardInterrupt, SystemExit])
def test_pause_writing_leaves_write(loop, exception):
    """Nothing of what was written is lost, and writing is resumed."""
    ours, peer = connected_sockets("unix")
    with peer:
        protocol = interrupted_at("pause", exception, Recorder)
        transport, _ = loop.run_until_complete(loop.create_connection(lambda: protocol, sock=ours))
        filled = fill(ours)
        transport.set_write_buffer_limits(high=0)
        with pytest.raises(exception):
            transport.write(b"rest")
        transport.close()
        assert loop.run_until_complete(receive_all(loop, peer)) == filled + b"rest"
        assert loop.run_until_complete(protocol.lost()) is None
        assert protocol.events == ["made", "pause", "resume", "lost"]
