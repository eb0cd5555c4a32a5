"""A callback takes another descriptor's data and replaces its callback: the new one waits for new data."""

from helpers.running import on_loop, turns
from helpers.streams import connected_sockets


@on_loop
async def test_replaced_after_what_was_ready_is_gone(loop):
    pairs = [connected_sockets("unix") for _ in range(2)]
    socks = [ours for ours, _ in pairs]
    calls = []

    def replacement(sock):
        calls.append(sock.recv(10))

    def first_come():
        for sock in socks:
            sock.recv(10)
            loop.add_reader(sock, replacement, sock)

    for ours, peer in pairs:
        loop.add_reader(ours, first_come)
        peer.send(b"old")
    await turns(5)
    assert calls == []
    for _, peer in pairs:
        peer.send(b"new")
    await turns(5)
    assert calls == [b"new", b"new"]
    for ours, peer in pairs:
        loop.remove_reader(ours)
        ours.close()
        peer.close()
