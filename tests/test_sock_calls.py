"""The low-level socket calls: sock_recv, sock_sendall, sock_connect, sock_accept and their kin."""

import asyncio
import contextlib
import errno
import os
import socket
import sys

import pytest
from helpers.accounting import watcher_count
from helpers.running import cancelled, on_loop, turns
from helpers.streams import (
    LOOPBACK,
    Recorder,
    connected_sockets,
    fill,
    nothing_left,
    receive_exactly,
    refusing_port,
    silent_port,
)


@pytest.fixture(params=["tcp", "unix"])
def pair(request):
    one, other = connected_sockets(request.param)
    with one, other:
        yield one, other


@pytest.fixture
def listener():
    with socket.create_server((LOOPBACK, 0)) as sock:
        sock.setblocking(False)
        yield sock


@pytest.fixture
def datagrams():
    with socket.socket(type=socket.SOCK_DGRAM) as one, socket.socket(type=socket.SOCK_DGRAM) as other:
        for sock in (one, other):
            sock.bind((LOOPBACK, 0))
            sock.setblocking(False)
        yield one, other


# --- receiving ---------------------------------------------------------------------------------


@on_loop
async def test_recv_of_what_is_there(loop, pair):
    one, other = pair
    other.send(b"ready")
    assert await loop.sock_recv(one, 3) == b"rea"
    assert await loop.sock_recv(one, 100) == b"dy"


@on_loop
async def test_recv_waits(loop, pair):
    one, other = pair
    receiving = loop.create_task(loop.sock_recv(one, 100))
    await turns(3)
    assert not receiving.done()
    other.send(b"late")
    data = await receiving
    assert data == b"late" and type(data) is bytes


@on_loop
async def test_a_future_that_was_waited_for_stays_done(loop, pair):
    one, other = pair

    async def receive_twice():
        return await loop.sock_recv(one, 1), await loop.sock_recv(one, 1)

    receiving = loop.create_task(receive_twice())
    await turns(3)
    first = receiving._fut_waiter
    other.send(b"1")
    await turns(5)
    second = receiving._fut_waiter
    assert first.done() and not second.done()
    other.send(b"2")
    assert await receiving == (b"1", b"2")


@on_loop
async def test_recv_at_end_of_file(loop, pair):
    one, other = pair
    other.close()
    assert await loop.sock_recv(one, 100) == b""


@on_loop
async def test_recv_into(loop, pair):
    one, other = pair
    buffer = bytearray(b"........")
    receiving = loop.create_task(loop.sock_recv_into(one, memoryview(buffer)[1:5]))
    await turns(3)
    other.send(b"abcdefg")
    assert await receiving == 4
    assert buffer == b".abcd..."
    assert await loop.sock_recv_into(one, buffer) == 3
    assert buffer == b"efgcd..."
    buffer.append(0)  # nobody has a view of it any more


@pytest.mark.parametrize("buffer", [b"read only", memoryview(b"read only"), memoryview(bytearray(8))[::2], None, 5])
@on_loop
async def test_recv_into_what_is_no_buffer(loop, pair, buffer):
    one, other = pair
    other.send(b"kept")
    with pytest.raises(TypeError):
        await loop.sock_recv_into(one, buffer)
    assert await loop.sock_recv(one, 10) == b"kept"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="buffers of Python objects are new in Python 3.12")
@on_loop
async def test_recv_into_a_buffer_whose_release_fails_at_something(loop, pair):
    """The error that is told is that of the socket."""

    class Buffer:
        def __buffer__(self, flags):
            return memoryview(bytearray(8))

        def __release_buffer__(self, view):
            with contextlib.suppress(FileNotFoundError):
                os.stat("/there/is/nothing")

    pair[0].close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        await loop.sock_recv_into(pair[0], Buffer())


@on_loop
async def test_recvfrom(loop, datagrams):
    one, other = datagrams
    receiving = loop.create_task(loop.sock_recvfrom(one, 100))
    await turns(3)
    other.sendto(b"gram", one.getsockname())
    assert await receiving == (b"gram", other.getsockname())
    other.sendto(b"", one.getsockname())
    assert await loop.sock_recvfrom(one, 100) == (b"", other.getsockname())


@pytest.mark.parametrize("size", [0, 4])
@on_loop
async def test_recvfrom_into(loop, datagrams, size):
    one, other = datagrams
    buffer = bytearray(10)
    receiving = loop.create_task(loop.sock_recvfrom_into(one, buffer, size))
    await turns(3)
    other.sendto(b"datagram", one.getsockname())
    expected = b"datagram"[: size or 10]
    assert await receiving == (len(expected), other.getsockname())
    assert buffer == expected.ljust(10, b"\0")


@on_loop
async def test_one_receives_while_the_other_sends(loop, pair):
    one, other = pair
    data = bytes(1_000_000)
    filled = fill(one)
    sending = loop.create_task(loop.sock_sendall(one, data))
    receiving = loop.create_task(loop.sock_recv(one, 100))
    await turns(3)
    other.send(b"across")
    assert await receiving == b"across"
    assert not sending.done()
    await receive_exactly(loop, other, len(filled) + len(data))
    await sending


# --- sending -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
@on_loop
async def test_sendall(loop, pair, kind):
    one, other = pair
    data = b"0123456789" * 300_000
    sending = loop.create_task(loop.sock_sendall(one, kind(data)))
    assert await receive_exactly(loop, other, len(data)) == data
    assert await sending is None


@on_loop
async def test_sendall_of_nothing(loop, pair):
    assert await loop.sock_sendall(pair[0], b"") is None


@on_loop
async def test_sendto(loop, datagrams):
    one, other = datagrams
    assert await loop.sock_sendto(one, b"gram", other.getsockname()) == 4
    assert await loop.sock_recvfrom(other, 100) == (b"gram", one.getsockname())


@on_loop
async def test_sendto_waits_for_room(loop, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            other.bind("other")
            for sock in (one, other):
                sock.setblocking(False)
            one.connect("other")
            sent = 0
            with pytest.raises(BlockingIOError):
                while True:
                    one.send(b"%d" % sent)
                    sent += 1
            one.connect("other")
            sending = loop.create_task(loop.sock_sendto(one, b"last", "other"))
            await turns(3)
            assert not sending.done()
            for number in range(sent):
                assert await loop.sock_recv(other, 100) == b"%d" % number
            assert await sending == 4
            assert await loop.sock_recv(other, 100) == b"last"


@on_loop
async def test_sendall_to_a_peer_that_is_gone(loop, pair):
    one, other = pair
    fill(one)
    async with nothing_left(loop):
        sending = loop.create_task(loop.sock_sendall(one, bytes(1_000_000)))
        await turns(3)
        other.close()
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            await sending


# --- connecting --------------------------------------------------------------------------------


@on_loop
async def test_connect_and_accept(loop, listener):
    accepting = loop.create_task(loop.sock_accept(listener))
    await turns(3)
    with socket.socket() as sock:
        sock.setblocking(False)
        assert await loop.sock_connect(sock, listener.getsockname()) is None
        conn, peername = await accepting
        with conn:
            assert peername == sock.getsockname()
            assert conn.gettimeout() == 0, "an accepted socket is ready for the loop's calls"
            await loop.sock_sendall(sock, b"hello")
            assert await loop.sock_recv(conn, 100) == b"hello"


@on_loop
async def test_connect_to_a_name(loop, listener):
    with socket.socket() as sock:
        sock.setblocking(False)
        await loop.sock_connect(sock, ("localhost", listener.getsockname()[1]))
        assert sock.getpeername() == listener.getsockname()


@on_loop
async def test_connect_to_a_unix_path(loop, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as sock:
        listener.bind("tulip.sock")
        listener.listen()
        sock.setblocking(False)
        await loop.sock_connect(sock, "tulip.sock")
        assert sock.getpeername() == "tulip.sock"


@on_loop
async def test_refused_connect_names_the_address(loop):
    with refusing_port() as port, socket.socket() as sock:
        sock.setblocking(False)
        async with nothing_left(loop):
            with pytest.raises(ConnectionRefusedError, match=f"127.0.0.1.*{port}") as refused:
                await loop.sock_connect(sock, (LOOPBACK, port))
            assert refused.value.errno == errno.ECONNREFUSED
        assert sock.fileno() != -1, "the socket is the caller's"


# --- blocking sockets --------------------------------------------------------------------------


CALLS = {
    "sock_recv": lambda loop, sock: loop.sock_recv(sock, 1),
    "sock_recv_into": lambda loop, sock: loop.sock_recv_into(sock, bytearray(1)),
    "sock_recvfrom": lambda loop, sock: loop.sock_recvfrom(sock, 1),
    "sock_recvfrom_into": lambda loop, sock: loop.sock_recvfrom_into(sock, bytearray(1)),
    "sock_sendall": lambda loop, sock: loop.sock_sendall(sock, b"x"),
    "sock_sendto": lambda loop, sock: loop.sock_sendto(sock, b"x", (LOOPBACK, 9)),
    "sock_connect": lambda loop, sock: loop.sock_connect(sock, (LOOPBACK, 9)),
    "sock_accept": lambda loop, sock: loop.sock_accept(sock),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@on_loop
async def test_blocking_socket_is_refused_in_debug_mode(loop, call):
    loop.set_debug(True)
    with socket.socket() as sock:
        with pytest.raises(ValueError, match="non-blocking"):
            await call(loop, sock)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@on_loop
async def test_closed_socket(loop, call):
    sock = socket.socket()
    sock.setblocking(False)
    sock.close()
    async with nothing_left(loop):
        with pytest.raises((OSError, ValueError)):
            await call(loop, sock)


@on_loop
async def test_closed_loop(loop, loop_factory, pair):
    """A socket that has to wait finds nobody to wait for it."""
    closed = loop_factory()
    closed.close()
    for call in (closed.sock_recv(pair[0], 1), closed.sock_recv_into(pair[0], bytearray(1))):
        with pytest.raises(RuntimeError, match="Event loop is closed"):
            await call


def test_loop_closed_while_one_receives_and_another_sends(loop_factory, pair):
    """What is left of them goes without a word about it but the loop's."""
    loop = loop_factory()
    fill(pair[0])
    coroutines = [loop.sock_recv(pair[0], 1), loop.sock_sendall(pair[0], b"x")]

    async def begin():
        for coroutine in coroutines:
            coroutine.send(None).add_done_callback(woken.append)

    woken = []
    loop.run_until_complete(begin())
    loop.close()
    for coroutine in coroutines:
        coroutine.close()
    assert woken == []


@on_loop
async def test_transport_takes_the_socket_from_those_who_wait(loop, pair):
    """Who stops waiting then takes it from the transport no more."""
    one, other = pair
    waiting = [loop.create_task(loop.sock_recv(one, 1)) for _ in range(2)]
    await turns(2)
    transport, protocol = await loop.create_connection(Recorder, sock=one)
    for count, task in enumerate(waiting, 1):
        await cancelled(task)
        other.send(b"x")
        await protocol.saw("data", count)
    transport.close()
    await protocol.lost()


# --- cancelling: nothing is lost, nothing is left ----------------------------------------------


@on_loop
async def test_cancelled_recv_leaves_the_data(loop, pair):
    one, other = pair
    async with nothing_left(loop):
        receiving = loop.create_task(loop.sock_recv(one, 100))
        await turns(3)
        other.send(b"kept")
        await cancelled(receiving)
    assert await loop.sock_recv(one, 100) == b"kept"


@on_loop
async def test_recv_in_a_timeout(loop, pair):
    one, other = pair
    async with nothing_left(loop):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await loop.sock_recv(one, 100)
    other.send(b"kept")
    assert await loop.sock_recv(one, 100) == b"kept"


@on_loop
async def test_cancelled_recv_into_leaves_buffer_and_data(loop, pair):
    one, other = pair
    buffer = bytearray(4)
    async with nothing_left(loop):
        receiving = loop.create_task(loop.sock_recv_into(one, buffer))
        await turns(3)
        other.send(b"kept")
        await cancelled(receiving)
    assert buffer == bytes(4)
    buffer.append(0)  # nobody has a view of it any more
    assert await loop.sock_recv(one, 100) == b"kept"


@pytest.mark.parametrize("method", ["sock_recvfrom", "sock_recvfrom_into"])
@on_loop
async def test_cancelled_recvfrom_leaves_the_datagram(loop, datagrams, method):
    one, other = datagrams
    async with nothing_left(loop):
        receiving = loop.create_task(CALLS[method](loop, one))
        await turns(3)
        other.sendto(b"kept", one.getsockname())
        await cancelled(receiving)
    assert await loop.sock_recvfrom(one, 100) == (b"kept", other.getsockname())


@on_loop
async def test_cancelled_accept_leaves_the_connection(loop, listener):
    async with nothing_left(loop):
        accepting = loop.create_task(loop.sock_accept(listener))
        await turns(3)
        client = socket.create_connection(listener.getsockname())
        await cancelled(accepting)
        conn, peername = await loop.sock_accept(listener)
        assert peername == client.getsockname()
        conn.close()
        client.close()


@on_loop
async def test_cancelled_sendall_stops_sending(loop, pair):
    one, other = pair
    filled = fill(one)
    async with nothing_left(loop):
        sending = loop.create_task(loop.sock_sendall(one, b"x" * 10_000_000))
        await turns(3)
        await cancelled(sending)
    one.shutdown(socket.SHUT_WR)
    received = 0
    while chunk := await loop.sock_recv(other, 1 << 20):
        received += len(chunk)
    assert len(filled) <= received < len(filled) + 10_000_000


@on_loop
async def test_cancelled_connect_leaves_the_socket_to_the_caller(loop):
    with silent_port() as port, socket.socket() as sock:
        sock.setblocking(False)
        async with nothing_left(loop):
            connecting = loop.create_task(loop.sock_connect(sock, (LOOPBACK, port)))
            await turns(3)
            assert not connecting.done()
            await cancelled(connecting)
        assert sock.fileno() != -1


@on_loop
async def test_watcher_is_gone_as_soon_as_the_task_is(loop, pair):
    one, _ = pair
    before = watcher_count(loop)
    receiving = loop.create_task(loop.sock_recv(one, 100))
    await turns(3)
    assert watcher_count(loop) == before + 1
    await cancelled(receiving)
    assert watcher_count(loop) == before


# In the tests below the task is cancelled in the very turn in which its socket becomes ready. The standard
# loop receives (or accepts) first and then throws the result away with the task.


@pytest.fixture
def bell():
    """A socket that rings when its peer is written to."""
    one, other = connected_sockets("unix")
    with one, other:
        yield one, other


async def cancel_in_the_turn_of_readiness(loop, bell, operation, make_ready, bell_first):
    """Start `operation`, and cancel it in the turn whose poll finds it ready; True if it was cancelled in time."""

    def ring():
        loop.remove_reader(hammer)
        task.cancel()

    hammer, ringer = bell
    task = loop.create_task(operation)
    await turns(3)
    loop.add_reader(hammer, ring)
    if bell_first:
        ringer.send(b"!")
    make_ready()
    if not bell_first:
        ringer.send(b"!")
    await asyncio.wait([task])
    await turns(2)
    return task.cancelled()


@pytest.mark.tulipa_only
@pytest.mark.parametrize("bell_first", [True, False])
@on_loop
async def test_recv_cancelled_when_ready(loop, pair, bell, bell_first):
    one, other = pair
    operation = loop.sock_recv(one, 100)
    assert await cancel_in_the_turn_of_readiness(loop, bell, operation, lambda: other.send(b"kept"), bell_first)
    assert await loop.sock_recv(one, 100) == b"kept"


@pytest.mark.tulipa_only
@pytest.mark.parametrize("bell_first", [True, False])
@on_loop
async def test_recv_into_cancelled_when_ready(loop, pair, bell, bell_first):
    one, other = pair
    buffer = bytearray(4)
    operation = loop.sock_recv_into(one, buffer)
    assert await cancel_in_the_turn_of_readiness(loop, bell, operation, lambda: other.send(b"kept"), bell_first)
    assert buffer == bytes(4)
    assert await loop.sock_recv(one, 100) == b"kept"


@pytest.mark.tulipa_only
@pytest.mark.parametrize("bell_first", [True, False])
@on_loop
async def test_recvfrom_cancelled_when_ready(loop, datagrams, bell, bell_first):
    one, other = datagrams
    operation = loop.sock_recvfrom(one, 100)
    assert await cancel_in_the_turn_of_readiness(
        loop, bell, operation, lambda: other.sendto(b"kept", one.getsockname()), bell_first
    )
    assert await loop.sock_recvfrom(one, 100) == (b"kept", other.getsockname())


@pytest.mark.tulipa_only
@pytest.mark.parametrize("bell_first", [True, False])
@on_loop
async def test_accept_cancelled_when_ready(loop, listener, bell, bell_first):
    with socket.socket() as client:
        operation = loop.sock_accept(listener)
        assert await cancel_in_the_turn_of_readiness(
            loop, bell, operation, lambda: client.connect(listener.getsockname()), bell_first
        )
        conn, peername = await loop.sock_accept(listener)
        assert peername == client.getsockname()
        conn.close()
