"""Echoes inside one process, ten connections at once: what they cost the loop, without any other program.

The far ends are blocking sockets in the same thread: they send, the loop answers all, they receive and compare. Nothing
depends on the order in which two programs run, so that instructions can be counted (see bench.check).
"""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterator

CONNECTIONS = 10
MESSAGE = bytes(range(256)) * 4
READ_SIZE = 65536
PATIENCE = 10.0                                    # seconds


class Round:
    """Ends when each of the connections has answered."""

    def __init__(self) -> None:
        self.left = 0
        self.ended: asyncio.Future | None = None

    def begin(self) -> asyncio.Future:
        self.left = CONNECTIONS
        self.ended = asyncio.get_running_loop().create_future()
        return self.ended

    def answered(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.ended.set_result(None)


async def _drive(count: int, far_ends: list[socket.socket], current: Round) -> int:
    rounds = -(-count // CONNECTIONS)
    for _ in range(rounds):
        ended = current.begin()
        for far in far_ends:
            far.send(MESSAGE)
        await ended
        for far in far_ends:
            if far.recv(READ_SIZE) != MESSAGE:
                raise RuntimeError("another message came back")
    return rounds * CONNECTIONS


@contextlib.contextmanager
def _pairs() -> Iterator[tuple[list[socket.socket], list[socket.socket]]]:
    """Connected sockets: the near ends, non-blocking, which their users close, and the far ends."""
    pairs = [socket.socketpair() for _ in range(CONNECTIONS)]
    with contextlib.ExitStack() as stack:
        for near, far in pairs:
            near.setblocking(False)
            far.settimeout(PATIENCE)
            stack.enter_context(far)
        yield [near for near, _ in pairs], [far for _, far in pairs]


class Echo(asyncio.Protocol):
    """Sends back what comes."""

    def __init__(self, current: Round) -> None:
        self.current = current

    def connection_made(self, transport) -> None:
        self.transport = transport

    def data_received(self, data) -> None:
        self.transport.write(data)
        self.current.answered()


class BufferedEcho(asyncio.BufferedProtocol):
    """The same, reading into its own buffer."""

    def __init__(self, current: Round) -> None:
        self.current = current
        self.buffer = bytearray(READ_SIZE)

    def connection_made(self, transport) -> None:
        self.transport = transport

    def get_buffer(self, size_hint):
        return self.buffer

    def buffer_updated(self, count) -> None:
        self.transport.write(bytes(memoryview(self.buffer)[:count]))
        self.current.answered()


class DatagramEcho(asyncio.DatagramProtocol):
    """Sends back each datagram."""

    def __init__(self, current: Round) -> None:
        self.current = current

    def connection_made(self, transport) -> None:
        self.transport = transport

    def datagram_received(self, data, address) -> None:
        self.transport.sendto(data, address)
        self.current.answered()


async def _by_protocol(count: int, factory: Callable[[Round], asyncio.BaseProtocol]) -> int:
    loop = asyncio.get_running_loop()
    current = Round()
    with _pairs() as (near, far):
        transports = [(await loop.create_connection(lambda: factory(current), sock=sock))[0] for sock in near]
        done = await _drive(count, far, current)
        for transport in transports:
            transport.abort()
        await asyncio.sleep(0)
    return done


async def protocol_echo(count: int) -> int:
    """Echo by asyncio.Protocol; an operation is one message."""
    return await _by_protocol(count, Echo)


async def buffered_echo(count: int) -> int:
    """Echo by asyncio.BufferedProtocol."""
    return await _by_protocol(count, BufferedEcho)


async def _by_tasks(count: int, serve: Callable[[socket.socket, Round], Awaitable[None]]) -> int:
    """One task a connection, which ends when the far end has closed."""
    current = Round()
    with _pairs() as (near, far):
        tasks = [asyncio.create_task(serve(sock, current)) for sock in near]
        done = await _drive(count, far, current)
    for task in tasks:
        await task
    return done


async def _serve_streams(sock: socket.socket, current: Round) -> None:
    reader, writer = await asyncio.open_connection(sock=sock)
    while data := await reader.read(READ_SIZE):
        writer.write(data)
        await writer.drain()
        current.answered()
    writer.close()
    await writer.wait_closed()


async def streams_echo(count: int) -> int:
    """Echo by streams: read, write, drain."""
    return await _by_tasks(count, _serve_streams)


async def _serve_sockets(sock: socket.socket, current: Round) -> None:
    loop = asyncio.get_running_loop()
    with sock:
        while data := await loop.sock_recv(sock, READ_SIZE):
            await loop.sock_sendall(sock, data)
            current.answered()


async def sockets_echo(count: int) -> int:
    """Echo by sock_recv and sock_sendall."""
    return await _by_tasks(count, _serve_sockets)


async def datagram_echo(count: int) -> int:
    """Echo by asyncio.DatagramProtocol over UDP, ten datagrams at once from one address.

    The ports of several would be others each time, and where loops keep addresses by a hash, so would be the cost.
    """
    loop = asyncio.get_running_loop()
    current = Round()
    transport, _ = await loop.create_datagram_endpoint(lambda: DatagramEcho(current), local_addr=("127.0.0.1", 0))
    address = transport.get_extra_info("sockname")
    with socket.socket(type=socket.SOCK_DGRAM) as far:
        far.settimeout(PATIENCE)
        far.connect(address)
        done = await _drive(count, [far] * CONNECTIONS, current)
    transport.close()
    await asyncio.sleep(0)
    return done
