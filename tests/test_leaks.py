"""Scenarios that are repeated hold no more afterwards than before: no object, no block of memory, no reference.

LEAK_ROUNDS=20000 repeats them longer, and looks at the memory of the process too.
"""

import asyncio
import collections
import contextvars
import functools
import gc
import os
import socket
import sys

import pytest
from helpers.accounting import open_descriptors
from helpers.cases import drivers, tulipa
from helpers.children import ChildRecorder
from helpers.datagrams import Recorder as DatagramRecorder
from helpers.pipes import pipe_of
from helpers.streams import LOOPBACK, BufferedRecorder, Factory, Recorder, address, connected_sockets, fill, reset
from helpers.tls import HOST, client_context, server_context

pytestmark = pytest.mark.skipif(tulipa is None, reason="tulipa is not installed")

ROUNDS = int(os.environ.get("LEAK_ROUNDS", "60"))
WARM_UP = 20
class Oops(Exception):
    pass


# What everything refers to: one reference lost a round shows here, where no object would (since 3.12 most of it
# has no count any more).
SHARED = (None, True, False, (), "", b"", 0, 1, object, type, Exception, asyncio.CancelledError, Oops)


# --- scenarios ---------------------------------------------------------------------------------

SCENARIOS = []


def scenario(function):
    SCENARIOS.append(function)
    return function


@scenario
async def tasks(loop):
    async def add(one, other):
        await asyncio.sleep(0)
        return one + other

    assert await asyncio.gather(*(loop.create_task(add(n, 1), name=f"add {n}") for n in range(5))) == [1, 2, 3, 4, 5]


@scenario
async def eager_tasks(loop):
    async def quick():
        return 1

    async def slow():
        await asyncio.sleep(0)

    for coroutine in (quick(), slow()):
        await tulipa.Task(coroutine, loop=loop, eager_start=True)


@scenario
async def failing_tasks(loop):
    async def fail():
        try:
            await asyncio.sleep(0)
            raise Oops("inner")
        finally:
            raise Oops("outer") from None

    results = await asyncio.gather(fail(), fail(), return_exceptions=True)
    assert [type(result) for result in results] == [Oops, Oops]


@scenario
async def cancelled_tasks(loop):
    async def wait(future):
        try:
            await future
        except asyncio.CancelledError as error:
            raise asyncio.CancelledError("again") from error

    waiting = [loop.create_task(wait(loop.create_future())) for _ in range(3)]
    waiting[0].cancel("at once")
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    assert all(task.cancelled() for task in waiting)


@scenario
async def timeouts(loop):
    try:
        async with asyncio.timeout(0):
            await asyncio.sleep(60)
    except TimeoutError:
        pass
    async with asyncio.timeout(60):
        await asyncio.sleep(0)


@scenario
async def futures(loop):
    future = loop.create_future()
    for _ in range(3):
        future.add_done_callback(lambda _: None)
    other = loop.create_future()
    other.add_done_callback(print)
    other.remove_done_callback(print)
    future.set_result([1])
    other.set_exception(Oops("told"))
    assert await future == [1]
    with pytest.raises(Oops):
        await other


@scenario
async def handles_and_timers(loop):
    done = loop.create_future()
    loop.call_soon(print).cancel()
    loop.call_later(60, print).cancel()
    loop.call_later(0, done.set_result, None, context=contextvars.copy_context())
    await done
    event = asyncio.Event()
    await loop.run_in_executor(None, loop.call_soon_threadsafe, event.set)
    await event.wait()


@scenario
async def generators(loop):
    async def count():
        for number in range(10):
            yield number
            await asyncio.sleep(0)

    async for number in count():
        if number == 2:
            break
    counting = count()
    await anext(counting)
    await counting.aclose()


async def connect(loop, protocol, kind="tcp"):
    ours, peer = connected_sockets(kind)
    transport, _ = await loop.create_connection(lambda: protocol, sock=ours)
    return transport, peer


@scenario
async def connections(loop):
    for recorder in (Recorder, BufferedRecorder):
        protocol = recorder()
        transport, peer = await connect(loop, protocol)
        transport.writelines([b"some", bytearray(b"more")])
        peer.send(b"data")
        assert await protocol.received(4) == b"data"
        transport.set_protocol(protocol)
        transport.close()
        await protocol.lost()
        peer.close()


@scenario
async def connections_that_are_lost(loop):
    for end in (reset, socket.socket.close):
        protocol = Recorder()
        transport, peer = await connect(loop, protocol)
        transport.write(b"data")
        await asyncio.sleep(0)
        end(peer)
        await protocol.lost()
        transport.write(b"ignored")


@scenario
async def blocked_connections(loop):
    for way_out in ("abort", "close"):
        protocol = Recorder()
        transport, peer = await connect(loop, protocol, "unix")
        fill(transport.get_extra_info("socket"))
        transport.write(bytearray(100_000))
        transport.writelines([b"x" * 1000] * 70)
        getattr(transport, way_out)()
        peer.close()
        await protocol.lost()


@scenario
async def failing_callbacks(loop):
    class Failing(Recorder):
        def data_received(self, data):
            raise Oops("on purpose")

    reported = []
    loop.set_exception_handler(lambda _, context: reported.append(context["exception"]))
    protocol = Failing()
    transport, peer = await connect(loop, protocol)
    peer.send(b"data")
    assert type(await protocol.lost()) is Oops
    peer.close()
    loop.set_exception_handler(None)
    assert len(reported) == 1


@scenario
async def servers(loop):
    accepted = Factory()
    server = await loop.create_server(accepted, LOOPBACK, 0)
    transport, protocol = await loop.create_connection(Recorder, *address(server))
    await accepted.connected()
    with pytest.raises(OSError):
        await loop.create_server(accepted, *address(server))
    server.close()
    transport.close()
    await protocol.lost()
    await server.wait_closed()


@scenario
async def streams(loop):
    async def echo(reader, writer):
        writer.write(await reader.readline())
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(echo, LOOPBACK, 0) as server:
        reader, writer = await asyncio.open_connection(*address(server))
        writer.write(b"line\n")
        assert await reader.read() == b"line\n"
        writer.close()
        await writer.wait_closed()


@functools.cache
def datagram_sockets():
    """Two sockets, one connected to the other: of new addresses each time, some are kept for the next time."""
    one, other = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    for sock in (one, other):
        sock.bind((LOOPBACK, 0))
        sock.setblocking(False)
    other.connect(one.getsockname())
    return one, other


@pytest.fixture(scope="module", autouse=True)
def close_datagram_sockets():
    yield
    if datagram_sockets.cache_info().currsize:
        for sock in datagram_sockets():
            sock.close()
        datagram_sockets.cache_clear()


@scenario
async def datagrams(loop):
    protocols = [DatagramRecorder(), DatagramRecorder()]
    for protocol, sock in zip(protocols, datagram_sockets(), strict=True):
        await loop.create_datagram_endpoint(lambda protocol=protocol: protocol, sock=sock.dup())
    first, second = protocols
    for data in (b"one", bytearray(b"two"), b""):
        second.transport.sendto(data)
    assert await first.datagrams(3) == [b"one", b"two", b""]
    first.transport.sendto(b"answer", first.received[0][1])
    assert await second.datagrams(1) == [b"answer"]
    second.transport.sendto(bytes(70_000))
    await second.saw("error")
    first.transport.close()
    second.transport.abort()
    for protocol in protocols:
        await protocol.lost()


@scenario
async def bare_sockets(loop):
    one, other = connected_sockets()
    with one, other:
        receiving = loop.create_task(loop.sock_recv(one, 10))
        given_up = loop.create_task(loop.sock_recv(other, 10))
        await asyncio.sleep(0)
        given_up.cancel()
        await loop.sock_sendall(other, b"data")
        assert await receiving == b"data"
        await asyncio.wait([given_up])
        seen = loop.create_future()
        loop.add_reader(one, seen.set_result, None)
        other.send(b"more")
        await seen
        loop.remove_reader(one)


@scenario
async def connecting_is_refused(loop):
    with socket.socket() as sock:
        sock.bind((LOOPBACK, 0))
        with pytest.raises(ConnectionRefusedError):
            await loop.create_connection(Recorder, *sock.getsockname())


@functools.cache
def tls_contexts():
    return client_context(), server_context()


async def tls_pair(loop, kind=Recorder, name=HOST):
    """Both ends of a TLS connection, as (transport, protocol) or an exception."""
    one, other = connected_sockets()
    trusting, serving = tls_contexts()
    return await asyncio.gather(
        loop.create_connection(kind, sock=one, ssl=trusting, server_hostname=name),
        loop.connect_accepted_socket(Recorder, other, ssl=serving),
        return_exceptions=True,
    )


@scenario
async def tls(loop):
    for kind in (Recorder, BufferedRecorder):
        (client, receiving), (server, sending) = await tls_pair(loop, kind)
        server.writelines([b"some", bytearray(b"more"), bytes(100_000)])
        assert (await receiving.received(100_008)).startswith(b"somemore")
        assert client.get_extra_info("peercert") and client.get_extra_info("cipher")
        client.close()
        await receiving.lost()
        await sending.lost()


@scenario
async def tls_that_fails(loop):
    (client, receiving), (server, sending) = await tls_pair(loop)
    client.write(bytes(100_000))
    server.abort()
    await sending.lost()
    await receiving.lost()
    outcomes = await tls_pair(loop, name="another.example")
    assert all(isinstance(outcome, OSError) for outcome in outcomes)


@scenario
async def pipes(loop):
    with pipe_of("pipe") as (reader, writer):
        reading, protocol = await loop.connect_read_pipe(Recorder, reader)
        writing, other = await loop.connect_write_pipe(Recorder, writer)
        writing.writelines([b"some", bytearray(b"more"), bytes(100_000)])
        assert (await protocol.received(100_008)).startswith(b"somemore")
        writing.write(bytes(200_000))
        reading.close()
        await other.lost()
        await protocol.lost()


async def children(loop):
    transport, protocol = await loop.subprocess_exec(ChildRecorder, "cat")
    transport.get_pipe_transport(0).write(b"data")
    await protocol.saw("data")
    transport.kill()
    transport.close()
    await protocol.lost()


# --- counting ----------------------------------------------------------------------------------


class Holdings:
    """What the process holds now, without garbage."""

    def __init__(self):
        for _ in range(3):
            gc.collect()
        self.shared = [sys.getrefcount(thing) for thing in SHARED]
        self.blocks = sys.getallocatedblocks()
        self.references = getattr(sys, "gettotalrefcount", int)()
        self.descriptors = len(open_descriptors())
        self.memory = resident_pages()
        self.types = collections.Counter(type(thing) for thing in gc.get_objects())

    def more_than(self, before, rounds):
        """What there is more of than `before`, at least one for each four of the rounds between."""
        least = rounds // 4
        more = {kind.__qualname__: count for kind, count in (self.types - before.types).items() if count >= least}
        for name in ("blocks", "references"):
            if getattr(self, name) - getattr(before, name) >= least:
                more[name] = getattr(self, name) - getattr(before, name)
        for thing, now, then in zip(SHARED, self.shared, before.shared, strict=True):
            if now - then >= least:
                more[f"references to {thing!r}"] = now - then
        if self.descriptors > before.descriptors:
            more["descriptors"] = self.descriptors - before.descriptors
        if rounds >= 5000 and self.memory > before.memory * 1.1:
            more["pages of memory"] = self.memory - before.memory
        return more


def resident_pages():
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1])
    except OSError:
        return 0


def repeat(loop, function, rounds):
    async def main():
        for _ in range(rounds):
            await function(loop)

    loop.run_until_complete(main())
    loop.run_until_complete(asyncio.sleep(0))


def assert_flat(play):
    """``play(rounds)`` may leave something behind once, in some cache, but not each time."""
    play(WARM_UP)
    left = []
    for _ in range(40):  # what fills slowly, such as free lists, comes to an end
        before = Holdings()
        play(ROUNDS)
        left.append(Holdings().more_than(before, ROUNDS))
        if not left[-1]:
            return
    raise AssertionError(f"more is left after each {ROUNDS} rounds: {left}")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("driver", drivers())
@pytest.mark.parametrize("function", SCENARIOS, ids=lambda function: function.__name__)
def test_repeated(function, driver):
    loop = tulipa.EventLoop(driver)
    try:
        assert_flat(lambda rounds: repeat(loop, function, rounds))
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


@pytest.mark.timeout(600)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="cat, and quickly")
@pytest.mark.parametrize("driver", drivers())
def test_children(driver):
    loop = tulipa.EventLoop(driver)
    loop.set_debug(False)  # to start a child takes long enough for a report, which pytest keeps
    try:
        assert_flat(lambda rounds: repeat(loop, children, rounds // 3))
    finally:
        loop.close()


@pytest.mark.parametrize("driver", drivers())
def test_loops(driver):
    def make_some(rounds):
        for _ in range(rounds):
            loop = tulipa.EventLoop(driver)
            loop.call_later(60, print)
            loop.call_soon(print).cancel()
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()

    assert_flat(make_some)


def test_a_leak_is_found():
    """The comparison would prove nothing if it overlooked one."""
    kept = []
    blocks = ".*'blocks': " if sys.getallocatedblocks() else ""  # not counted with PYTHONMALLOC=malloc
    with pytest.raises(AssertionError, match=rf"'Event': {ROUNDS}\b{blocks}"):
        assert_flat(lambda rounds: kept.extend(asyncio.Event() for _ in range(rounds)))
    with pytest.raises(AssertionError, match=rf"references to <class '.*Oops'>.: {ROUNDS}\b"):
        assert_flat(lambda rounds: kept.extend([Oops] * rounds))
