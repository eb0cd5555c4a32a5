"""What fails, or is cancelled, leaves no descriptor, no watcher and no task behind."""

import asyncio
import contextlib
import errno
import os
import resource
import socket
import threading

import pytest
from helpers.accounting import open_descriptors, timer_count, watcher_count
from helpers.running import on_loop, turns
from helpers.streams import (
    LOOPBACK,
    Echo,
    Factory,
    Recorder,
    address,
    connected_sockets,
    no_descriptors_left,
    nothing_left,
    reset,
    serving,
    silent_port,
)

pytestmark = pytest.mark.skipif(not open_descriptors(), reason="open descriptors can't be counted here")


@pytest.fixture
def listener():
    with socket.create_server((LOOPBACK, 0)) as sock:
        yield sock


@pytest.fixture
def tulip_sock(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind("tulip.sock")
        sock.listen()
        yield "tulip.sock"


class BadFactory(Exception):
    pass


def bad_factory():
    raise BadFactory("on purpose")


# --- connecting --------------------------------------------------------------------------------


@on_loop
async def test_cancelled_connect(loop):
    with silent_port() as port:
        async with nothing_left(loop):
            connecting = loop.create_task(loop.create_connection(Recorder, LOOPBACK, port))
            await turns(5)
            assert not connecting.done()
            connecting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await connecting


@on_loop
async def test_timed_out_connect(loop):
    with silent_port() as port:
        async with nothing_left(loop):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(loop.create_connection(Recorder, LOOPBACK, port), 0.01)


@on_loop
async def test_connect_cancelled_while_resolving(loop, monkeypatch):
    def getaddrinfo(*args):
        asked.set()
        answer.wait()
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (LOOPBACK, 9))]

    asked, answer = threading.Event(), threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    try:
        async with nothing_left(loop):
            connecting = loop.create_task(loop.create_connection(Recorder, "tulip.example", 9))
            await turns(2)
            await loop.run_in_executor(None, asked.wait)
            connecting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await connecting
    finally:
        answer.set()


@pytest.mark.tulipa_only  # the standard loop leaves the socket to the garbage collector, which warns
@on_loop
async def test_connect_with_a_factory_that_raises(loop, listener):
    async with nothing_left(loop):
        with pytest.raises(BadFactory):
            await loop.create_connection(bad_factory, *listener.getsockname())
        listener.accept()[0].close()


@on_loop
async def test_connect_without_a_descriptor_to_spare(loop, listener):
    async with nothing_left(loop):
        with no_descriptors_left():
            with pytest.raises(OSError) as error:
                await loop.create_connection(Recorder, *listener.getsockname())
        assert error.value.errno == errno.EMFILE


@pytest.mark.tulipa_only  # the standard loop serves on the addresses that it has got a socket for, be it none
@on_loop
async def test_bind_without_a_descriptor_to_spare(loop):
    async with nothing_left(loop):
        with no_descriptors_left() as held:
            os.close(held.pop())  # one is there for the first address, none for the second
            with pytest.raises(OSError) as error:
                await loop.create_server(Echo, ["127.0.0.1", "127.0.0.2"], 0)
        assert error.value.errno == errno.EMFILE


# --- starting to serve -------------------------------------------------------------------------


@contextlib.contextmanager
def bound_twice():
    """Two sockets bound to the same address: only one of them can listen."""
    with socket.socket() as one, socket.socket() as other:
        for sock in (one, other):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((LOOPBACK, 0))
        other.bind(one.getsockname())
        yield one, other


@pytest.mark.tulipa_only  # the standard loop leaves the sockets to the garbage collector, which warns
@on_loop
async def test_server_that_cannot_listen(loop):
    with bound_twice() as (one, other):
        one.listen()
        async with nothing_left(loop):
            with pytest.raises(OSError) as error:
                await loop.create_server(Echo, *one.getsockname())
            assert error.value.errno == errno.EADDRINUSE


@on_loop
async def test_server_that_cannot_start_can_be_closed(loop):
    with bound_twice() as (one, other):
        async with nothing_left(loop):
            server = await loop.create_server(Echo, sock=other.dup(), start_serving=False)
            one.listen()
            with pytest.raises(OSError) as error:
                await server.start_serving()
            assert error.value.errno == errno.EADDRINUSE
            server.close()
            await server.wait_closed()


# --- accepting ---------------------------------------------------------------------------------


@pytest.mark.tulipa_only  # the standard loop leaves the socket to the garbage collector, which warns
@on_loop
async def test_accept_with_a_factory_that_raises(loop, loop_errors):
    async with nothing_left(loop), serving(loop, bad_factory) as server:
        with socket.create_connection(address(server)) as client:
            client.setblocking(False)
            assert await loop.sock_recv(client, 1) == b"", "the connection is closed"
        assert [type(context["exception"]) for context in loop_errors] == [BadFactory]
        loop_errors.clear()


@on_loop
async def test_connection_that_is_reset_before_it_is_accepted(loop):
    echoing = Factory(Echo)
    async with nothing_left(loop), serving(loop, echoing) as server:
        reset(socket.create_connection(address(server)))
        first = await echoing.connected()
        assert isinstance(await first.lost(), ConnectionResetError)
        transport, protocol = await loop.create_connection(Recorder, *address(server))
        transport.write(b"next")
        assert await protocol.received(4) == b"next"
        transport.close()
        await (await echoing.connected(1)).lost()


@pytest.mark.tulipa_only  # a connection that the standard loop was about to serve fails an assertion of its server's
@pytest.mark.parametrize("step", range(6))
@on_loop
async def test_server_closed_while_accepting(loop, step):
    accepted = Factory(Echo)
    async with nothing_left(loop):
        server = await loop.create_server(accepted, LOOPBACK, 0)
        with socket.create_connection(address(server)):
            await turns(step)
            server.close()
            await turns(5)
        await server.wait_closed()
        assert [protocol.events for protocol in accepted.made] in ([], [["made", "eof", "lost"]])


class TestTooManyOpenFiles:
    """Accepting pauses, and says so once; it goes on by itself when there are descriptors again."""

    def clients(self, server, count):
        return [socket.create_connection(address(server)) for _ in range(count)]

    @pytest.mark.tulipa_only  # the standard loop reports it once for each place in the backlog, and retries as often
    @on_loop
    async def test_pauses_reports_once_and_goes_on(self, loop, loop_errors):
        accepted = Factory()
        async with nothing_left(loop), serving(loop, accepted) as server:
            serving_watchers = watcher_count(loop)
            clients = self.clients(server, 3)
            with no_descriptors_left():
                while not loop_errors:
                    await turns()
                await turns(20)
            (context,) = loop_errors
            assert context["exception"].errno == errno.EMFILE
            assert "accept" in context["message"]
            assert context["socket"].getsockname() == address(server)
            assert watcher_count(loop) == serving_watchers - 1, "it does not watch what it can't accept"
            assert accepted.made == []
            await accepted.connected(2)
            assert watcher_count(loop) == serving_watchers + 3
            assert len(loop_errors) == 1
            loop_errors.clear()
            for client, protocol in zip(clients, accepted.made, strict=True):
                client.close()
                await protocol.lost()

    @pytest.mark.tulipa_only
    @on_loop
    async def test_what_can_be_accepted_is(self, loop, loop_errors):
        accepted = Factory()
        async with nothing_left(loop), serving(loop, accepted) as server:
            clients = self.clients(server, 2)
            with no_descriptors_left() as held:
                os.close(held.pop())
                await accepted.connected()
                while not loop_errors:
                    await turns()
                assert len(accepted.made) == 1
                assert "lost" not in accepted.made[0].events
            await accepted.connected(1)
            assert len(loop_errors) == 1
            loop_errors.clear()
            for client, protocol in zip(clients, accepted.made, strict=True):
                client.close()
                await protocol.lost()

    @pytest.mark.tulipa_only  # the standard loop keeps its timers, and starts to serve a closed socket
    @on_loop
    async def test_closing_the_server_ends_the_pause(self, loop, loop_errors):
        async with nothing_left(loop), serving(loop, Factory()) as server:
            (client,) = self.clients(server, 1)
            with no_descriptors_left():
                while not loop_errors:
                    await turns()
            loop_errors.clear()
            assert timer_count(loop) == 1
            server.close()
            assert timer_count(loop) == 0
            client.close()

    def test_limit_is_put_back(self):
        before = resource.getrlimit(resource.RLIMIT_NOFILE), len(open_descriptors())
        with no_descriptors_left():
            with pytest.raises(OSError, match="Too many open files"):
                socket.socket()
        assert (resource.getrlimit(resource.RLIMIT_NOFILE), len(open_descriptors())) == before


# --- cancelled at every step -------------------------------------------------------------------


async def cancelled_at(loop, operation, step):
    """Run `operation` for some turns, then cancel it; its result, or None if it was cancelled in time."""
    task = asyncio.ensure_future(operation, loop=loop)
    await turns(step)
    task.cancel()
    await asyncio.wait([task])
    return None if task.cancelled() else task.result()


async def close(transport, protocol):
    transport.close()
    await protocol.lost()


every_step = pytest.mark.parametrize("step", range(8))


@every_step
@on_loop
async def test_create_connection_cancelled(loop, listener, step):
    async with nothing_left(loop):
        if result := await cancelled_at(loop, loop.create_connection(Recorder, *listener.getsockname()), step):
            await close(*result)


@pytest.mark.tulipa_only  # where several connect in one turn, the standard loop loses all but one of the sockets
@every_step
@on_loop
async def test_create_connection_race_cancelled(loop, listener, step, monkeypatch):
    def getaddrinfo(*args):
        resolved.set()
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", listener.getsockname())] * 3

    resolved = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    async with nothing_left(loop):
        operation = loop.create_task(loop.create_connection(Recorder, "tulip.example", 9, happy_eyeballs_delay=0))
        await turns(1)
        await loop.run_in_executor(None, resolved.wait)
        if result := await cancelled_at(loop, operation, step):
            await close(*result)


@every_step
@on_loop
async def test_create_unix_connection_cancelled(loop, tulip_sock, step):
    async with nothing_left(loop):
        if result := await cancelled_at(loop, loop.create_unix_connection(Recorder, tulip_sock), step):
            await close(*result)


@every_step
@on_loop
async def test_given_socket_cancelled(loop, step):
    """Once a transport has it, the socket is closed with the transport; before, it stays the caller's."""
    async with nothing_left(loop):
        ours, peer = connected_sockets()
        with peer, ours:
            if result := await cancelled_at(loop, loop.create_connection(Recorder, sock=ours), step):
                await close(*result)
            await turns(3)


@every_step
@on_loop
async def test_connect_accepted_socket_cancelled(loop, step):
    async with nothing_left(loop):
        ours, peer = connected_sockets()
        with peer, ours:
            if result := await cancelled_at(loop, loop.connect_accepted_socket(Recorder, ours), step):
                await close(*result)
            await turns(3)


@pytest.mark.tulipa_only  # cancelled in its last step, the standard loop's create_server leaves a server that serves
@every_step
@on_loop
async def test_create_server_cancelled(loop, step):
    async with nothing_left(loop):
        if server := await cancelled_at(loop, loop.create_server(Echo, ["127.0.0.1", "127.0.0.2"], 0), step):
            server.close()
            await server.wait_closed()


@pytest.mark.tulipa_only  # as above
@every_step
@on_loop
async def test_create_unix_server_cancelled(loop, step, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    async with nothing_left(loop):
        if server := await cancelled_at(loop, loop.create_unix_server(Echo, "new.sock"), step):
            server.close()
            await server.wait_closed()


@every_step
@on_loop
async def test_sock_connect_cancelled(loop, listener, step):
    with socket.socket() as sock:
        sock.setblocking(False)
        async with nothing_left(loop):
            await cancelled_at(loop, loop.sock_connect(sock, listener.getsockname()), step)
