"""Methods of a loop that a subclass or the program has replaced: asyncio's own code calls them too."""

import asyncio
import socket

import pytest
from helpers.cases import tulipa
from helpers.running import on_loop, turns
from helpers.streams import LOOPBACK, Echo, Recorder, address, connected_sockets, nothing_left, refusing_port, serving


def count_calls(loop):
    """Replace `loop.call_soon` by one that notes what is scheduled, and does so."""
    call_soon = loop.call_soon
    calls = []

    def noted(callback, *args, context=None):
        calls.append(callback)
        return call_soon(callback, *args, context=context)

    loop.call_soon = noted
    return calls


async def steps():
    await asyncio.sleep(0)
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0, future.set_result, "result")
    return await future


def test_steps_of_tasks_go_by_a_replaced_call_soon(loop):
    calls = count_calls(loop)
    assert loop.run_until_complete(steps()) == "result"
    # Its start, the pause, the wake-up, and the callback that ends run_until_complete().
    assert len(calls) >= 4


def test_order_is_the_same_by_a_replaced_call_soon(loop):
    """First in, first out, for tasks and callbacks alike."""
    count_calls(loop)
    order = []

    async def task(name):
        for step in range(3):
            order.append((name, step))
            await asyncio.sleep(0)

    async def main():
        both = [loop.create_task(task("one")), loop.create_task(task("two"))]
        loop.call_soon(order.append, "callback")
        await asyncio.gather(*both)

    loop.run_until_complete(main())
    assert order[:5] == [("one", 0), ("two", 0), "callback", ("one", 1), ("two", 1)]


def test_error_of_a_replaced_call_soon_leaves_create_task(loop, loop_errors):
    calls = count_calls(loop)
    loop.run_until_complete(turns())
    del calls

    def refuse(*args, **kwargs):
        raise ValueError("refused")

    noted, loop.call_soon = loop.call_soon, refuse
    coro = turns()
    with pytest.raises(ValueError, match="refused"):
        loop.create_task(coro)
    coro.close()
    loop.call_soon = noted
    assert asyncio.all_tasks(loop) == set()
    assert [context["message"] for context in loop_errors] == ["Task was destroyed but it is pending!"]
    loop_errors.clear()


def test_current_task_and_cancellation_by_a_replaced_call_soon(loop):
    count_calls(loop)

    async def main():
        assert asyncio.current_task() is not None
        waiting = loop.create_task(asyncio.sleep(60))
        await turns()
        assert waiting in asyncio.all_tasks()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    loop.run_until_complete(main())


def test_replaced_between_two_runs(loop):
    """Futures and tasks made before and after, with and without, wait for each other."""
    event = asyncio.Event()
    early = loop.create_task(event.wait())
    loop.run_until_complete(turns(2))
    calls = count_calls(loop)
    late = loop.create_future()
    waiting_early = loop.create_task(asyncio.wait_for(early, 60))

    async def main():
        waiting_late = loop.create_task(asyncio.wait_for(late, 60))
        await turns(2)
        event.set()
        late.set_result(1)
        return await asyncio.gather(waiting_early, waiting_late)

    assert loop.run_until_complete(main()) == [True, 1]
    assert calls
    del loop.call_soon
    calls.clear()
    pending = loop.create_future()
    loop.call_soon(pending.set_result, 2)
    assert loop.run_until_complete(asyncio.wait_for(pending, 60)) == 2
    assert not calls


def test_replaced_between_two_waits_for_a_socket(loop):
    async def receive():
        receiving = loop.create_task(loop.sock_recv(one, 1))
        await turns(2)
        calls.clear()
        other.send(b"x")
        assert await receiving == b"x"
        return len(calls)

    one, other = connected_sockets("unix")
    with one, other:
        loop.add_writer(one, lambda: None)  # so that the loop goes on watching between the runs
        calls = []
        loop.run_until_complete(receive())
        calls = count_calls(loop)
        assert loop.run_until_complete(receive()) >= 2, "of the task that receives, and of the one that waits for it"
        loop.remove_writer(one)


@pytest.mark.skipif(tulipa is None, reason="tulipa is not installed")
def test_call_soon_of_a_subclass():
    calls = []

    class Counting(tulipa.EventLoop):
        def call_soon(self, callback, *args, context=None):
            calls.append(callback)
            return super().call_soon(callback, *args, context=context)

    loop = Counting()
    try:
        task = loop.create_task(steps())
        assert len(calls) == 1
        assert loop.run_until_complete(task) == "result"
        assert len(calls) >= 4
    finally:
        loop.close()


@on_loop
async def test_connections_are_made_by_a_replaced_sock_connect(loop):
    connected = []
    sock_connect = loop.sock_connect

    async def noted(sock, where):
        connected.append(where)
        await sock_connect(sock, where)

    loop.sock_connect = noted
    async with nothing_left(loop), serving(loop, Echo) as server:
        transport, protocol = await loop.create_connection(Recorder, *address(server))
        transport.close()
        await protocol.lost()
        assert connected == [address(server)]
        transport, protocol = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=(LOOPBACK, 9)
        )
        transport.close()
        await turns(2)
        assert connected[1:] == [(LOOPBACK, 9)]
    del loop.sock_connect


@on_loop
async def test_local_addresses_that_failed_are_told_when_all_fails(loop, monkeypatch):
    """One local address is taken, the next one can be bound, but nobody listens."""
    getaddrinfo = socket.getaddrinfo

    def both(host, port, *args, **kwargs):
        if host != "both":
            return getaddrinfo(host, port, *args, **kwargs)
        kind = socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, ""
        return [(*kind, (LOOPBACK, taken.getsockname()[1])), (*kind, (LOOPBACK, 0))]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        with refusing_port() as port:
            with pytest.raises(OSError, match="Multiple exceptions"):
                await loop.create_connection(Recorder, LOOPBACK, port, local_addr=("both", 0))
