"""A program closes the socket of a transport or server itself: an error where there is one to tell, no hang."""

import asyncio
import socket

import pytest
from helpers.running import on_loop
from helpers.streams import LOOPBACK, Recorder, connected_sockets


@pytest.mark.tulipa_only  # the standard loop reports it and never loses the connection
@on_loop
async def test_in_connection_made(loop):
    class Closing(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            ours.close()

    ours, peer = connected_sockets()
    with peer:
        _, protocol = await asyncio.wait_for(loop.create_connection(Closing, sock=ours), 10)
        assert isinstance(await protocol.lost(), (OSError, ValueError))
        assert protocol.events == ["made", "lost"]


@pytest.mark.tulipa_only  # the standard loop's close() fails
@on_loop
async def test_listening_socket(loop):
    one, other = (socket.create_server((LOOPBACK, 0)) for _ in range(2))
    first = await loop.create_server(Recorder, sock=one)
    second = await loop.create_server(Recorder, sock=other)
    one.close()
    first.close()
    await first.wait_closed()
    second.close()
    await second.wait_closed()
    assert other.fileno() == -1
