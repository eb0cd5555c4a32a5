"""TLS transports that nobody closes: one warning, the socket closed, no crash; those in use are kept by the loop."""

import asyncio
import warnings

import pytest
from helpers.running import on_loop
from helpers.streams import Recorder, collect_garbage, connected_sockets
from helpers.tls import HOST, Peer, client_context, server_context, tls_linked

pytestmark = [pytest.mark.usefixtures("use_tls_engine"), pytest.mark.tulipa_only]


async def connect(loop, sock, peer, factory):
    opening = loop.create_connection(factory, sock=sock, ssl=client_context(), server_hostname=HOST)
    return (await asyncio.gather(opening, peer.handshake()))[0][0]


def test_dropped_with_its_loop(loop_factory):
    loop = loop_factory()
    loop.set_debug(False)  # a report of what took long, which pytest keeps, refers to the transport
    ours, theirs = connected_sockets()
    peer = Peer(loop, theirs, server_context(), server_side=True)

    transport = loop.run_until_complete(connect(loop, ours, peer, asyncio.Protocol))
    transport.write(b"never sent")
    loop.close()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del transport, ours, loop
        peer.loop = None
        collect_garbage()
    messages = [str(warning.message) for warning in caught if "transport" in str(warning.message)]
    assert len(messages) == 1 and messages[0].startswith("unclosed transport")
    theirs.close()


@pytest.mark.usefixtures("without_debug")
@on_loop
async def test_reading_transport_is_kept_by_the_loop(loop):
    async with tls_linked(loop) as link:
        transport, link.transport = link.transport, None
        link.protocol.transport = None
        del transport
        collect_garbage()
        await link.peer.send(b"data")
        assert await link.protocol.received(4) == b"data"
        link.transport = link.peer  # something to abort at the end
        link.peer.abort = lambda: None
        link.peer.sock.close()
        await link.protocol.lost()


@pytest.mark.parametrize("way_out", ["close", "abort"])
def test_closed_after_its_loop(loop_factory, way_out, caplog):
    loop = loop_factory()
    ours, theirs = connected_sockets()
    peer = Peer(loop, theirs, server_context(), server_side=True)

    transport = loop.run_until_complete(connect(loop, ours, peer, Recorder))
    transport.pause_reading()
    loop.close()
    transport.resume_reading()
    transport.write(b"sent at once, or never")
    getattr(transport, way_out)()
    assert ours.fileno() == -1
    theirs.close()
