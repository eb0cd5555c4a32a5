"""A transport is dropped without having been closed: ResourceWarning, and its socket is closed."""

import asyncio
import contextlib
import socket
import warnings

import pytest
from helpers.running import on_loop
from helpers.streams import Recorder, collect_garbage, connected_sockets, nothing_left, receive_all


@contextlib.contextmanager
def warnings_of_transports():
    """The ResourceWarnings about transports (not their sockets'), complete after the block."""
    messages = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield messages
        collect_garbage()
    warned = [str(warning.message) for warning in caught if warning.category is ResourceWarning]
    messages += [message for message in warned if "transport" in message]


@pytest.mark.parametrize("kind", ["tcp", "unix"])
@on_loop
async def test_dropped_while_nothing_is_read(loop, kind):
    async with nothing_left(loop):
        ours, peer = connected_sockets(kind)
        with peer:
            transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
            transport.pause_reading()  # nothing refers to it now but its own protocol, if at all
            with warnings_of_transports() as messages:
                del transport, _, ours
            (message,) = messages
            assert message.startswith("unclosed transport")
            assert await receive_all(loop, peer) == b""


class Deaf(asyncio.Protocol):
    def connection_made(self, transport):
        transport.pause_reading()


@pytest.mark.std_since(3, 13)
@on_loop
async def test_dropped_by_a_server(loop):
    """The server does not keep its transports alive, and forgets those that are gone."""
    async with nothing_left(loop):
        made = asyncio.Event()

        class Told(Deaf):
            def connection_made(self, transport):
                super().connection_made(transport)
                made.set()

        server = await loop.create_server(Told, "127.0.0.1", 0)
        with warnings_of_transports() as messages, contextlib.ExitStack() as peers:
            for _ in range(3):
                peers.enter_context(socket.create_connection(server.sockets[0].getsockname()))
                await made.wait()
                made.clear()
            await asyncio.sleep(0)  # the handle that called connection_made goes
            collect_garbage()
            server.close_clients()
        assert len(messages) == 3
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize("protocol", [asyncio.Protocol, Recorder])
def test_dropped_with_its_loop(loop_factory, protocol):
    loop = loop_factory()
    ours, peer = connected_sockets()
    with peer:
        transport, _ = loop.run_until_complete(loop.create_connection(protocol, sock=ours))
        loop.close()
        with warnings_of_transports() as messages:
            del transport, _, ours, loop
        (message,) = messages
        assert message.startswith("unclosed transport")
        peer.setblocking(True)
        assert peer.recv(1) == b""


@on_loop
async def test_no_warning_for_a_closed_one(loop):
    ours, peer = connected_sockets()
    with peer:
        transport, protocol = await loop.create_connection(Recorder, sock=ours)
        transport.close()
        await protocol.lost()
        with warnings_of_transports() as messages:
            del transport, protocol, ours
        assert messages == []


@on_loop
async def test_reading_transport_is_kept_by_the_loop(loop):
    ours, peer = connected_sockets()
    with peer:
        transport, protocol = await loop.create_connection(Recorder, sock=ours)
        protocol.transport = None
        with warnings_of_transports() as messages:
            del transport, ours
        assert messages == []
        peer.send(b"data")
        assert await protocol.received(4) == b"data"
        peer.close()
        await protocol.lost()
