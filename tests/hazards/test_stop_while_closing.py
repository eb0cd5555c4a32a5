"""The loop is stopped from callbacks of connections that are going away, and closed right afterwards."""

import asyncio

from helpers.running import turns
from helpers.streams import Recorder, connected_sockets


class Stopping(Recorder):
    def connection_lost(self, exc):
        super().connection_lost(exc)
        asyncio.get_running_loop().stop()


def test_stop_in_connection_lost(loop):
    ours, peer = connected_sockets()
    transport, protocol = loop.run_until_complete(loop.create_connection(Stopping, sock=ours))
    peer.close()
    loop.run_forever()
    assert protocol.events == ["made", "eof", "lost"]
    assert transport.is_closing()


def test_several_stop_in_one_turn(loop):
    pairs = [connected_sockets() for _ in range(5)]
    made = [loop.run_until_complete(loop.create_connection(Stopping, sock=ours)) for ours, _ in pairs]
    for _, peer in pairs:
        peer.close()
    while not all("lost" in protocol.events for _, protocol in made):
        loop.run_forever()
    loop.run_until_complete(turns(2))  # a stop left over would end this one early
    assert all(protocol.events == ["made", "eof", "lost"] for _, protocol in made)


def test_closed_right_after_the_stop(loop):
    ours, peer = connected_sockets()
    transport, protocol = loop.run_until_complete(loop.create_connection(Stopping, sock=ours))
    loop.call_soon(transport.close)
    loop.run_forever()
    assert protocol.events == ["made", "lost"]
    loop.close()
    peer.close()


def test_transport_closed_after_its_loop(loop_factory, recwarn):
    """Nothing can be called any more: the socket must not stay open for all that."""
    loop = loop_factory()
    ours, peer = connected_sockets()
    transport, protocol = loop.run_until_complete(loop.create_connection(Recorder, sock=ours))
    loop.run_until_complete(turns(1))
    transport.abort()
    loop.run_until_complete(protocol.lost())
    loop.close()
    transport.close()
    transport.abort()
    assert protocol.events == ["made", "lost"]
    assert not recwarn.list
    peer.close()
