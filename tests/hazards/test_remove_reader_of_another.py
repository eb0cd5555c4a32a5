"""A callback removes another watcher that is ready in the same poll: the removed one is not called."""

import pytest
from helpers.running import on_loop, turns
from helpers.streams import connected_sockets


@pytest.fixture
def sockets():
    pairs = [connected_sockets("unix") for _ in range(4)]
    yield pairs
    for pair in pairs:
        for sock in pair:
            sock.close()


@on_loop
async def test_removed_in_the_same_turn(loop, sockets):
    watched = [sock for sock, _ in sockets]
    calls = []

    def first_come(me):
        calls.append(me)
        for sock in watched:
            loop.remove_reader(sock)

    for sock, peer in sockets:
        loop.add_reader(sock, first_come, sock)
        peer.send(b"x")
    await turns(5)
    assert len(calls) == 1


@on_loop
async def test_replaced_in_the_same_turn(loop, sockets):
    watched = [sock for sock, _ in sockets]
    calls = []

    def replacement():
        calls.append("replacement")
        for sock in watched:
            loop.remove_reader(sock)

    def first_come():
        calls.append("first")
        for sock in watched:
            loop.add_reader(sock, replacement)

    for sock, peer in sockets:
        loop.add_reader(sock, first_come)
        peer.send(b"x")
    await turns(5)
    assert calls == ["first", "replacement"]


@on_loop
async def test_reader_removes_the_writer_of_the_same_socket(loop, sockets):
    (sock, peer), *_ = sockets
    calls = []

    def come(me):
        calls.append(me)
        loop.remove_reader(sock)
        loop.remove_writer(sock)

    peer.send(b"x")
    loop.add_reader(sock, come, "reader")
    loop.add_writer(sock, come, "writer")
    await turns(5)
    assert len(calls) == 1
