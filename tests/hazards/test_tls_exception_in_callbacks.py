"""A callback of a protocol over TLS raises: it is reported once, and the connection ends, or goes on where it can."""

import contextlib
import ssl

import pytest
from helpers.running import on_loop
from helpers.streams import BufferedRecorder, Recorder, connected_sockets
from helpers.tls import HOST, Peer, client_context, server_context, tls_linked

pytestmark = [pytest.mark.usefixtures("use_tls_engine"), pytest.mark.tulipa_only]


def failing(kind, callback, error):
    class Failing(kind):
        pass

    def fail(self, *args):
        getattr(kind, callback)(self, *args)
        raise error

    setattr(Failing, callback, fail)
    return Failing()


@pytest.mark.parametrize("kind, callback", [
    (Recorder, "data_received"), (Recorder, "eof_received"), (BufferedRecorder, "get_buffer"),
    (BufferedRecorder, "buffer_updated"),
])
@on_loop
async def test_it_ends(loop, loop_errors, kind, callback):
    error = ZeroDivisionError("on purpose")
    async with tls_linked(loop, failing(kind, callback, error)) as link:
        await link.peer.send(b"data")
        await link.peer.say_goodbye()
        assert await link.protocol.lost() is error
        (context,) = loop_errors
        assert callback in context["message"]
        assert context["exception"] is error
        assert context["transport"] is link.transport and context["protocol"] is link.protocol
        loop_errors.clear()


@on_loop
async def test_error_in_connection_made(loop, loop_errors):
    """The connection is there: as with a plain transport, it goes on."""
    async with tls_linked(loop, failing(Recorder, "connection_made", ZeroDivisionError())) as link:
        assert ["connection_made" in context["message"] for context in loop_errors] == [True]
        loop_errors.clear()
        await link.peer.send(b"data")
        assert await link.protocol.received(4) == b"data"


@on_loop
async def test_error_in_connection_lost(loop, loop_errors):
    async with tls_linked(loop, failing(Recorder, "connection_lost", ZeroDivisionError())) as link:
        link.transport.abort()
        await link.protocol.lost()
        while not loop_errors:
            await link.protocol.lost()
        assert [type(context["exception"]) for context in loop_errors] == [ZeroDivisionError]
        loop_errors.clear()


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("callback", ["data_received", "eof_received", "pause_writing", "resume_writing"])
def test_what_must_leave_the_loop_leaves_it(loop, kind, callback):
    """And when the loop goes on, so does the connection, without a byte lost."""
    protocol = failing(Recorder, callback, kind())
    linking = tls_linked(loop, protocol, kind="unix")
    link = loop.run_until_complete(linking.__aenter__())

    async def provoke():
        if "writing" in callback:
            link.transport.write(bytes(2_000_000))
            await link.peer.receive_exactly(2_000_000)
            await link.protocol.saw("resume")
        else:
            await link.peer.send(b"data")
            if callback == "eof_received":
                await link.peer.say_goodbye()
            await link.protocol.saw("never")

    task = loop.create_task(provoke())
    with pytest.raises(kind):
        loop.run_until_complete(task)
    if not task.done():
        task.cancel()
        loop.run_until_complete(_ignore(task))
    elif not task.cancelled():
        task.exception()
    setattr(type(protocol), callback, getattr(Recorder, callback))
    loop.run_until_complete(_go_on(link, callback))
    loop.run_until_complete(linking.__aexit__(None, None, None))


async def _ignore(task):
    try:
        await task
    except BaseException:
        pass


async def _go_on(link, callback):
    if callback == "eof_received":
        # It closes, as it would have done.
        assert await link.protocol.lost() is None
        return
    if callback.endswith("writing"):
        link.transport.abort()
        await link.protocol.lost()
        return
    await link.peer.send(b"more")
    assert await link.protocol.received(8) == b"datamore"


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_interrupted_connection_made(loop, kind):
    """Who waits for the connection gets it."""
    ours, theirs = connected_sockets()
    peer = Peer(loop, theirs, server_context(), server_side=True)
    protocol = failing(Recorder, "connection_made", kind())
    opening = loop.create_task(
        loop.create_connection(lambda: protocol, sock=ours, ssl=client_context(), server_hostname=HOST)
    )
    shaking = loop.create_task(peer.handshake())
    with pytest.raises(kind):
        loop.run_until_complete(opening)
    transport, _ = loop.run_until_complete(opening)
    loop.run_until_complete(shaking)
    transport.abort()
    loop.run_until_complete(protocol.lost())
    theirs.close()


def test_the_end_behind_interrupted_data_is_seen(loop):
    protocol = failing(Recorder, "data_received", KeyboardInterrupt())
    linking = tls_linked(loop, protocol)
    link = loop.run_until_complete(linking.__aenter__())
    with contextlib.suppress(ssl.SSLWantReadError):
        link.peer.ssl_object.write(b"data")
        link.peer.ssl_object.unwrap()
    task = loop.create_task(link.peer.flush())
    with pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(protocol.lost())
    assert loop.run_until_complete(protocol.lost()) is None
    loop.run_until_complete(task)
    assert protocol.events == ["made", "data", "eof", "lost"]
    loop.run_until_complete(linking.__aexit__(None, None, None))
