"""The peer vanishes after any number of bytes, or we do after any turn: an error, or a protocol that is told."""

import asyncio
import contextlib
import ssl

import pytest
from helpers.running import on_loop
from helpers.streams import Recorder, connected_sockets, nothing_left, reset
from helpers.tls import HOST, Peer, client_context, server_context, until_closed

pytestmark = [pytest.mark.usefixtures("use_tls_engine"), pytest.mark.tulipa_only]


class Limited(Peer):
    """A peer that sends so many bytes, then goes."""

    def __init__(self, *args, left, go, **kwargs):
        super().__init__(*args, **kwargs)
        self._left = left
        self._go = go

    async def flush(self):
        data = self._outgoing.read()[: self._left]
        self._left -= len(data)
        if data:
            await self.loop.sock_sendall(self.sock, data)
        if self._left == 0:
            self._go(self.sock)
            raise ConnectionAbortedError("that was all")


@pytest.mark.parametrize("server_side", [False, True], ids=["client", "server"])
@pytest.mark.parametrize("go", [lambda sock: sock.close(), reset], ids=["end", "reset"])
@pytest.mark.parametrize("left", [1, 5, 100, 500, 900, 1000, 1100, 1200, 1300, 1500, 2000])
@on_loop
async def test_cut(loop, server_side, go, left):
    async with nothing_left(loop):
        ours, theirs = connected_sockets()
        protocol = Recorder()
        if server_side:
            peer = Limited(loop, theirs, client_context(), server_side=False, server_hostname=HOST, left=left, go=go)
            opening = loop.connect_accepted_socket(lambda: protocol, ours, ssl=server_context())
        else:
            peer = Limited(loop, theirs, server_context(), server_side=True, left=left, go=go)
            opening = loop.create_connection(
                lambda: protocol, sock=ours, ssl=client_context(), server_hostname=HOST
            )

        async def talk():
            with contextlib.suppress(OSError):
                await peer.handshake()
                while True:
                    await peer.send(b"data")

        task = loop.create_task(talk())
        try:
            transport, _ = await opening
        except OSError as exc:
            assert isinstance(exc, ConnectionError | ssl.SSLError)
            assert protocol.events == []
        else:
            await protocol.lost()
            assert protocol.events[0] == "made" and protocol.events[-1] == "lost"
            assert protocol.events.count("lost") == 1
        await task
        await until_closed(ours)


@pytest.mark.parametrize("count", range(1, 14))
@pytest.mark.parametrize("server_side", [False, True], ids=["client", "server"])
@on_loop
async def test_cancelled_after_any_turn(loop, count, server_side):
    async with nothing_left(loop):
        ours, theirs = connected_sockets()
        protocol = Recorder()
        if server_side:
            peer = Peer(loop, theirs, client_context(), server_side=False, server_hostname=HOST)
            opening = loop.connect_accepted_socket(lambda: protocol, ours, ssl=server_context())
        else:
            peer = Peer(loop, theirs, server_context(), server_side=True)
            opening = loop.create_connection(lambda: protocol, sock=ours, ssl=client_context(), server_hostname=HOST)
        task, talking = loop.create_task(opening), loop.create_task(peer.handshake())
        for _ in range(count):
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            transport, _ = await task
            transport.abort()
        talking.cancel()
        await asyncio.wait([talking])
        if not talking.cancelled():
            talking.exception()
        theirs.close()
        if ours.fileno() != -1 and not protocol.events:
            # Cancelled before there was a transport: the socket is still ours.
            ours.close()
        await until_closed(ours)
        assert protocol.events in ([], ["made", "lost"])
