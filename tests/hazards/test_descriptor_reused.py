"""A descriptor's number comes back for another file while the poll's events of the old one are still being handled."""

import os

import pytest
from helpers.accounting import watcher_count
from helpers.running import on_loop, turns
from helpers.streams import Recorder, closed, connected_sockets, linked


@pytest.fixture
def sockets():
    """Three pairs; the first of each is to be watched, the second makes it readable."""
    pairs = [connected_sockets("unix") for _ in range(3)]
    yield pairs
    for pair in pairs:
        for sock in pair:
            sock.close()


def occupy(number):
    """Open a pipe whose reading end has this number; the writing end, to be closed with it."""
    read, write = os.pipe()
    if read != number:
        os.dup2(read, number)
        os.close(read)
    return write


@on_loop
async def test_event_of_the_closed_one_does_not_reach_the_new_one(loop, sockets):
    """Two are ready at once; whichever is called first closes the other and takes its number for a silent pipe."""
    (one, one_peer), (two, two_peer), _ = sockets
    calls, writers = [], []

    def first_come(me, other):
        calls.append("socket")
        number = other.fileno()
        loop.remove_reader(me)
        loop.remove_reader(other)
        other.close()
        writers.append((number, occupy(number)))
        loop.add_reader(number, calls.append, "pipe")

    loop.add_reader(one, first_come, one, two)
    loop.add_reader(two, first_come, two, one)
    one_peer.send(b"x")
    two_peer.send(b"x")
    await turns(5)
    assert calls == ["socket"]
    ((number, writer),) = writers
    os.write(writer, b"now")
    await turns(3)
    assert calls[:2] == ["socket", "pipe"]
    loop.remove_reader(number)
    os.close(number)
    os.close(writer)


@pytest.mark.tulipa_only  # selectors keep what they knew of the number: adding fails with FileNotFoundError
@on_loop
async def test_number_of_a_socket_closed_while_watched(loop, sockets):
    """Nobody removed the watcher of the closed socket; the number works for the next one all the same."""
    (one, one_peer), *_ = sockets
    before = watcher_count(loop)
    calls = []
    loop.add_reader(one, calls.append, "old")
    await turns(2)
    number = one.fileno()
    one.close()
    writer = occupy(number)
    loop.add_reader(number, calls.append, "new")
    os.write(writer, b"x")
    await turns(3)
    assert calls and set(calls) == {"new"}
    assert loop.remove_reader(number) is True
    assert watcher_count(loop) == before
    os.close(number)
    os.close(writer)


@on_loop
async def test_number_of_a_socket_closed_while_watched_can_be_let_go(loop, sockets):
    (one, _), *_ = sockets
    before = watcher_count(loop)
    loop.add_reader(one, print)
    await turns(2)
    number = one.fileno()
    one.close()
    assert loop.remove_reader(number) is True
    assert watcher_count(loop) == before


@on_loop
async def test_transport_after_transport_on_one_number(loop):
    numbers = set()
    for round in range(20):
        async with linked(loop, kind="unix") as link:
            numbers.add(link.transport.get_extra_info("socket").fileno())
            link.peer.send(b"%d" % round)
            assert await link.protocol.received(len(str(round))) == b"%d" % round
            link.peer.send(b"left unread")
            link.transport.abort()
            await link.protocol.lost()
    assert len(numbers) < 20


@on_loop
async def test_transport_closed_and_its_number_taken_within_one_poll(loop):
    """Two transports are ready in one poll; the first to read makes the second go, and a third one takes its number."""

    class Rival(Recorder):
        def data_received(self, data):
            super().data_received(data)
            order.append(self)

    order = []
    async with linked(loop, Rival(), kind="unix") as one, linked(loop, Rival(), kind="unix") as two:
        one.peer.send(b"x")
        two.peer.send(b"x")
        await one.protocol.saw("data")
        await two.protocol.saw("data")
        order.clear()

        def abort_other(event_of, victim):
            event_of.protocol.data_received = lambda data: victim.transport.abort()

        abort_other(one, two)
        abort_other(two, one)
        one.peer.send(b"y")
        two.peer.send(b"y")
        while not (one.transport.is_closing() or two.transport.is_closing()):
            await turns()
        victim = one if one.transport.is_closing() else two
        await closed(victim.transport)
        async with linked(loop, kind="unix") as third:
            await turns(3)
            assert third.protocol.events == ["made"]
            third.peer.send(b"z")
            assert await third.protocol.received(1) == b"z"
