"""Every callback of a protocol raises once: it is reported once, with the transport, and nothing is left hanging."""

import pytest
from helpers.running import on_loop, turns
from helpers.streams import BufferedRecorder, Recorder, fill, linked, receive_exactly


class Oops(Exception):
    pass


def failing_in(callback, recorder=Recorder):
    """A protocol whose `callback` notes that it was called and raises."""

    def fail(self, *args):
        if callback == "connection_made":
            self.transport = args[0]
        self.note(callback)
        raise Oops(callback)

    return type("Failing", (recorder,), {callback: fail})()


def the_only_error(loop_errors):
    (context,) = loop_errors
    loop_errors.clear()
    assert type(context["exception"]) is Oops
    return context


@pytest.mark.parametrize(
    ("callback", "recorder"),
    [
        ("data_received", Recorder),
        ("eof_received", Recorder),
        ("get_buffer", BufferedRecorder),
        ("buffer_updated", BufferedRecorder),
        ("eof_received", BufferedRecorder),
    ],
)
@on_loop
async def test_failing_to_read_ends_the_connection(loop, loop_errors, callback, recorder):
    async with linked(loop, failing_in(callback, recorder)) as link:
        if callback == "eof_received":
            link.peer.close()
        else:
            link.peer.send(b"data")
        error = await link.protocol.lost()
        assert type(error) is Oops
        assert link.protocol.events == ["made", callback, "lost"]
        context = the_only_error(loop_errors)
        assert context["exception"] is error
        assert context["transport"] is link.transport
        assert context["protocol"] is link.protocol
        assert callback in context["message"]


@on_loop
async def test_connection_made(loop, loop_errors):
    async with linked(loop, failing_in("connection_made")) as link:
        the_only_error(loop_errors)
        link.peer.send(b"data")
        assert await link.protocol.received(4) == b"data"
        link.transport.close()
        assert await link.protocol.lost() is None


@pytest.mark.parametrize("way_out", ["close", "abort", "peer"])
@on_loop
async def test_connection_lost(loop, loop_errors, way_out):
    async with linked(loop, failing_in("connection_lost")) as link:
        sock = link.transport.get_extra_info("socket")
        if way_out == "peer":
            link.peer.close()
        else:
            getattr(link.transport, way_out)()
        await link.protocol.saw("connection_lost")
        await turns(2)
        assert sock.fileno() == -1, "the socket is closed whatever the protocol does"
        assert link.protocol.events.count("connection_lost") == 1
        the_only_error(loop_errors)


@on_loop
async def test_pause_writing(loop, loop_errors):
    async with linked(loop, failing_in("pause_writing"), kind="unix") as link:
        filled = fill(link.transport.get_extra_info("socket"))
        link.transport.set_write_buffer_limits(high=0)
        link.transport.write(b"rest")
        context = the_only_error(loop_errors)
        assert context["transport"] is link.transport
        assert "pause_writing" in context["message"]
        assert await receive_exactly(loop, link.peer, len(filled) + 4) == filled + b"rest"
        await link.protocol.saw("resume")


@on_loop
async def test_resume_writing(loop, loop_errors):
    async with linked(loop, failing_in("resume_writing"), kind="unix") as link:
        filled = fill(link.transport.get_extra_info("socket"))
        link.transport.set_write_buffer_limits(high=0)
        link.transport.write(b"rest")
        assert await receive_exactly(loop, link.peer, len(filled) + 4) == filled + b"rest"
        await link.protocol.saw("resume_writing")
        context = the_only_error(loop_errors)
        assert context["transport"] is link.transport
        assert "resume_writing" in context["message"]
        link.transport.write(b"more")
        assert await receive_exactly(loop, link.peer, 4) == b"more"


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("recorder", [Recorder, BufferedRecorder])
def test_exit_leaves_the_loop_and_nothing_broken(loop, recorder, error):
    class Leaving(recorder):
        def note(self, event):
            super().note(event)
            if event == "data" and not self.left:
                self.left = True
                raise error("on purpose")

        left = False

    async def go_on():
        link.peer.send(b"more")
        assert await link.protocol.received(8) == b"datamore"

    linking = linked(loop, Leaving())
    link = loop.run_until_complete(linking.__aenter__())
    link.peer.send(b"data")
    with pytest.raises(error, match="on purpose"):
        loop.run_forever()
    loop.run_until_complete(go_on())
    loop.run_until_complete(linking.__aexit__(None, None, None))
