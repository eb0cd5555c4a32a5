"""A UNIX datagram peer whose queue is full: its unconnected sender is reported as ready, and must not spin."""

import asyncio
import socket

import pytest
from helpers.accounting import watcher_count
from helpers.datagrams import bare_socket, drain, endpoint, fill
from helpers.running import on_loop, turns
from helpers.streams import no_descriptors_left, nothing_left

pytestmark = [
    pytest.mark.skipif(not hasattr(socket, "SO_BINDTODEVICE"), reason="tells what Linux does"),
    pytest.mark.tulipa_only,  # the standard loop tries without a pause
]


@pytest.fixture(autouse=True)
def short_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def full():
    """A bound socket whose queue is full, and how many datagrams are in it."""
    with bare_socket(socket.AF_UNIX, "full") as peer, bare_socket(socket.AF_UNIX) as other:
        yield peer, fill(other, "full")


class CountingSocket(socket.socket):
    tries = 0

    def sendto(self, *args):
        self.tries += 1
        return super().sendto(*args)


# --- sock_sendto -------------------------------------------------------------------------------


@on_loop
async def test_sock_sendto(loop, full):
    peer, count = full
    with CountingSocket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        async with nothing_left(loop):
            sending = loop.create_task(loop.sock_sendto(sock, b"last", "full"))
            await turns(50)
            assert not sending.done()
            assert sock.tries <= 4, "it waits instead of trying"
            assert len(drain(peer)) == count
            assert await sending == 4
            assert drain(peer) == [b"last"]


@on_loop
async def test_sock_sendto_cancelled(loop, full):
    for step in range(5):
        with bare_socket(socket.AF_UNIX) as sock:
            async with nothing_left(loop):
                sending = loop.create_task(loop.sock_sendto(sock, b"x", "full"))
                await turns(step)
                sending.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await sending


@on_loop
async def test_sock_sendto_to_a_peer_that_goes(loop, full):
    peer, _ = full
    with bare_socket(socket.AF_UNIX) as sock:
        async with nothing_left(loop):
            sending = loop.create_task(loop.sock_sendto(sock, b"x", "full"))
            await turns(5)
            peer.close()
            with pytest.raises(ConnectionRefusedError):
                await sending


@on_loop
async def test_sock_sendto_without_a_descriptor_to_spare(loop, full):
    peer, _ = full
    with CountingSocket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        with no_descriptors_left():
            sending = loop.create_task(loop.sock_sendto(sock, b"x", "full"))
            await turns(50)
        assert sock.tries <= 4
        drain(peer)
        assert await sending == 1


# --- transports --------------------------------------------------------------------------------


@on_loop
async def test_transport(loop, full):
    peer, count = full
    async with endpoint(loop, family=socket.AF_UNIX) as ours:
        before = watcher_count(loop)
        for number in range(20):
            ours.transport.sendto(b"%d" % number, "full")
        await turns(5)
        assert watcher_count(loop) == before + 1, "it waits for the peer, by a socket of its own"
        received = drain(peer)
        while len(received) < count + 20:
            await turns(1)
            received += drain(peer)
        assert received[count:] == [b"%d" % number for number in range(20)]
        await turns(3)
        assert watcher_count(loop) == before


@pytest.mark.parametrize("way_out", ["abort", "close"])
@on_loop
async def test_leaving(loop, full, way_out):
    peer, count = full
    async with nothing_left(loop):
        async with endpoint(loop, family=socket.AF_UNIX) as ours:
            ours.transport.sendto(b"last", "full")
            await turns(5)
            getattr(ours.transport, way_out)()
            await turns(3)
            assert len(drain(peer)) == count
            assert await ours.lost() is None
            assert drain(peer) == ([b"last"] if way_out == "close" else [])


@on_loop
async def test_peer_that_goes(loop, full):
    peer, _ = full
    async with endpoint(loop, family=socket.AF_UNIX) as ours:
        with bare_socket(socket.AF_UNIX, "next") as other:
            ours.transport.sendto(b"for nobody", "full")
            ours.transport.sendto(b"for the other", "next")
            await turns(5)
            assert drain(other) == [], "all go one after the other"
            peer.close()
            await ours.saw("error")
            await turns(2)
            assert drain(other) == [b"for the other"]


@on_loop
async def test_without_a_descriptor_to_spare(loop, full):
    peer, count = full
    async with endpoint(loop, family=socket.AF_UNIX) as ours:
        with no_descriptors_left():
            ours.transport.sendto(b"last", "full")
            await turns(50)
        assert len(drain(peer)) == count
        assert await loop.sock_recv(peer, 10) == b"last"
