"""When a loop with work to do looks for readiness."""

import asyncio
import contextlib
import socket

import pytest
from helpers.cases import tulipa

if tulipa is None:
    pytest.skip("tulipa is not installed", allow_module_level=True)

from tulipa._drivers.selectors import SelectorsDriver


class Telling(SelectorsDriver):
    """Writes down each look."""

    def __init__(self, events):
        super().__init__()
        self.events = events

    def wait(self, timeout, ready):
        self.events.append("look")
        super().wait(timeout, ready)


@pytest.fixture
def events():
    return []


@pytest.fixture
def loop(events):
    loop = tulipa.EventLoop(driver=Telling(events))
    yield loop
    loop.close()


def ready_sockets(stack, loop, count, found):
    """`count` sockets with something to read, each of which calls ``found(its number)`` once."""

    def once(number, sock):
        loop.remove_reader(sock)
        found(number)

    for number in range(count):
        ours, theirs = map(stack.enter_context, socket.socketpair())
        theirs.send(b"x")
        loop.add_reader(ours, once, number, ours)


def events_of_answers(loop, events, count):
    """What happens where `count` connections are found ready, and each is answered in the turn after that."""
    with contextlib.ExitStack() as stack:
        ready_sockets(stack, loop, count, lambda number: (events.append("found"), loop.call_soon(answer)))

        def answer():
            events.append("answered")
            if events.count("answered") == count:
                loop.call_soon(loop.stop)

        loop.run_forever()
    return events


def test_what_was_found_has_its_turn_first(loop, events):
    assert events_of_answers(loop, events, 2) == ["look", "found", "found", "answered", "answered", "look"]


def test_one_alone_is_no_reason_not_to_look(loop, events):
    assert events_of_answers(loop, events, 1) == ["look", "found", "look", "answered", "look"]


def test_a_busy_loop_looks_again(loop, events):
    """A turn without a look is followed by one with a look, however much there is to do."""
    turns = [0]

    def busy():
        turns[0] += 1
        events.append("turn")
        loop.call_soon(busy if turns[0] < 6 else loop.stop)

    with contextlib.ExitStack() as stack:
        ready_sockets(stack, loop, 2, lambda number: None)
        loop.call_soon(busy)
        loop.run_forever()
    assert events == ["look", "turn", "turn", "look", "turn", "look", "turn", "look", "turn", "look", "turn", "look"]


def test_each_run_begins_with_a_look(loop, events):
    """What is ready is found by ``call_soon(stop)`` and ``run_forever()``, which many tests take one turn by."""
    found = []
    for _ in range(3):
        with contextlib.ExitStack() as stack:
            ready_sockets(stack, loop, 2, found.append)
            asyncio.ensure_future(asyncio.sleep(0), loop=loop)
            loop.call_soon(loop.stop)
            loop.run_forever()
    assert len(found) == 6


def test_a_socket_that_nobody_waits_for_is_let_go(loop):
    """Several are found ready, so the turn after that doesn't look: closed there, they must not stay known."""

    async def receive(sock):
        data = await loop.sock_recv(sock, 10)
        sock.close()
        return data

    async def main():
        with contextlib.ExitStack() as stack:
            tasks = []
            for _ in range(2):
                ours, theirs = map(stack.enter_context, socket.socketpair())
                ours.setblocking(False)
                tasks.append((asyncio.ensure_future(receive(ours)), theirs))
            await asyncio.sleep(0)
            for _, theirs in tasks:
                theirs.send(b"x")
            assert [await task for task, _ in tasks] == [b"x", b"x"]
            await asyncio.sleep(0)
        assert loop._driver.watcher_count() == 0

    loop.run_until_complete(main())
