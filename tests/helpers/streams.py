"""Protocols that record what they saw, connected sockets, and counters, for the tests of streams."""

import asyncio
import contextlib
import gc
import os
import resource
import socket
import struct

from helpers.accounting import open_descriptors, watcher_count
from helpers.running import turns

LOOPBACK = "127.0.0.1"


# --- protocols ---------------------------------------------------------------------------------


class Journal:
    """Named events in the order they came, and a way to wait until something is true of them."""

    def __init__(self):
        self.events = []
        self._waiting = []

    def note(self, event):
        self.events.append(event)
        for waiting in list(self._waiting):
            condition, future = waiting
            if condition():
                self._waiting.remove(waiting)
                if not future.done():
                    future.set_result(None)

    async def until(self, condition):
        if not condition():
            future = asyncio.get_running_loop().create_future()
            self._waiting.append((condition, future))
            await future

    async def saw(self, event, times=1):
        await self.until(lambda: self.events.count(event) >= times)


class _Recording(Journal):
    """What both kinds of recording protocol have in common."""

    def __init__(self, keep_open=False):
        super().__init__()
        self.keep_open = keep_open
        self.transport = None
        self.error = None
        self.data = bytearray()

    def connection_made(self, transport):
        self.transport = transport
        self.note("made")

    def eof_received(self):
        self.note("eof")
        return self.keep_open

    def pause_writing(self):
        self.note("pause")

    def resume_writing(self):
        self.note("resume")

    def connection_lost(self, exc):
        self.error = exc
        self.note("lost")

    async def received(self, size):
        """The first `size` bytes, once they are there."""
        await self.until(lambda: len(self.data) >= size or "lost" in self.events)
        return bytes(self.data[:size])

    async def lost(self):
        """The exception of connection_lost(), once it was called."""
        await self.saw("lost")
        return self.error


class Recorder(_Recording, asyncio.Protocol):
    def data_received(self, data):
        assert type(data) is bytes and data
        self.data += data
        self.note("data")


class BufferedRecorder(_Recording, asyncio.BufferedProtocol):
    def __init__(self, keep_open=False, size=1000):
        super().__init__(keep_open)
        self.buffer = bytearray(size)

    def get_buffer(self, sizehint):
        return self.buffer

    def buffer_updated(self, nbytes):
        assert 0 < nbytes <= len(self.buffer)
        self.data += self.buffer[:nbytes]
        self.note("data")


class Echo(Recorder):
    def data_received(self, data):
        super().data_received(data)
        self.transport.write(data)


class Factory(Journal):
    """A protocol factory that remembers what it made and can be awaited for the next ones."""

    def __init__(self, kind=Recorder):
        super().__init__()
        self.kind = kind
        self.made = []

    def __call__(self):
        protocol = self.kind()
        self.made.append(protocol)
        self.note("called")
        return protocol

    async def connected(self, index=0):
        """The protocol number `index`, once it has its transport."""
        await self.saw("called", index + 1)
        await self.made[index].saw("made")
        return self.made[index]


class Bytes:
    """An endless sequence of bytes in which a piece that is lost, doubled or swapped shows."""

    def __init__(self):
        self.taken = bytearray()

    def take(self, size, kind):
        start = len(self.taken) // 4
        piece = b"".join(number.to_bytes(4, "big") for number in range(start, start + size // 4 + 2))
        piece = piece[len(self.taken) % 4 :][:size]
        self.taken += piece
        return kind(piece)


# --- sockets -----------------------------------------------------------------------------------


def _tcp_sockets():
    with socket.create_server((LOOPBACK, 0)) as listener:
        one = socket.create_connection(listener.getsockname())
        other, _ = listener.accept()
    return one, other


def connected_sockets(kind="tcp"):
    """Two connected stream sockets, neither blocking; `kind` is tcp or unix."""
    pair = _tcp_sockets() if kind == "tcp" else socket.socketpair()
    for sock in pair:
        sock.setblocking(False)
    return pair


def small_buffers(*socks):
    """Make the kernel's buffers small, so that little data fills them."""
    for sock in socks:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)


def fill(sock):
    """Write to a socket, or a transport's, until the kernel takes no more; what was written.

    Only of a UNIX socket does it stay full: TCP makes room as the peer's kernel acknowledges.
    """
    filled = bytearray()
    with contextlib.suppress(BlockingIOError):
        while True:
            filled += b"f" * os.write(sock.fileno(), b"f" * 65536)
    return bytes(filled)


def reset(sock):
    """Close a TCP socket so that its peer gets a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def arrived(sock):
    """What the kernel holds for this socket now, left where it is; None at end of file."""
    try:
        return sock.recv(1 << 20, socket.MSG_PEEK) or None
    except BlockingIOError:
        return b""


async def receive_exactly(loop, sock, size):
    data = bytearray()
    while len(data) < size:
        chunk = await loop.sock_recv(sock, size - len(data))
        assert chunk, f"end of file after {len(data)} of {size} bytes"
        data += chunk
    return bytes(data)


async def receive_all(loop, sock):
    """Everything up to end of file."""
    data = bytearray()
    while chunk := await loop.sock_recv(sock, 65536):
        data += chunk
    return bytes(data)


@contextlib.contextmanager
def refusing_port(host=LOOPBACK):
    """A port that is taken, and refuses connections."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as sock:
        sock.bind((host, 0))
        yield sock.getsockname()[1]


@contextlib.contextmanager
def silent_port(host=LOOPBACK):
    """A port whose queue of connections is full: connecting to it gets no answer at all."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(family))
        listener.bind((host, 0))
        listener.listen(0)
        for _ in range(10):
            filler = stack.enter_context(socket.socket(family))
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            try:
                filler.getpeername()
            except OSError:
                break
        else:
            raise AssertionError("the queue of the listening socket did not get full")
        yield listener.getsockname()[1]


@contextlib.contextmanager
def no_descriptors_left():
    """Use up the process's descriptors; yields those that were opened for it, 16 or more, closed at the end."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    some = min(open_descriptors())
    held = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(open_descriptors()) + 17, limits[1]))
    try:
        with contextlib.suppress(OSError):
            while True:
                held.append(os.dup(some))
        yield held
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for number in held:
            os.close(number)


def has_ipv6():
    if not socket.has_ipv6:
        return False
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


# --- transports --------------------------------------------------------------------------------


class Link:
    """A transport with its protocol on the loop, and the peer as a bare socket."""

    def __init__(self, transport, protocol, peer):
        self.transport = transport
        self.protocol = protocol
        self.peer = peer


@contextlib.asynccontextmanager
async def linked(loop, protocol=None, kind="tcp"):
    """A `Link`; both of its ends are closed at the end of the block, whatever is left to write."""
    ours, peer = connected_sockets(kind)
    protocol = Recorder() if protocol is None else protocol
    transport, _ = await loop.create_connection(lambda: protocol, sock=ours)
    try:
        yield Link(transport, protocol, peer)
    finally:
        if transport.get_extra_info("socket").fileno() != -1:
            transport.abort()
        peer.close()
        await closed(transport)


async def closed(transport):
    """Wait until a transport that is closing has let go of its socket."""
    sock = transport.get_extra_info("socket")
    assert transport.is_closing()
    while sock.fileno() != -1:
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def serving(loop, factory, host=LOOPBACK, **options):
    """A TCP server on the loopback, closed at the end of the block, by when its clients have to be."""
    server = await loop.create_server(factory, host, 0, **options)
    try:
        yield server
    finally:
        server.close()
    await server.wait_closed()


def address(server, index=0):
    return server.sockets[index].getsockname()


# --- counting ----------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def nothing_left(loop):
    """Fail if there are more descriptors, watchers or tasks after the block than before."""
    before = open_descriptors(), watcher_count(loop), asyncio.all_tasks(loop)
    yield
    await turns(5)  # what a cancelled operation has scheduled to clean up runs in these
    now = open_descriptors()
    assert {number: now[number] for number in now.keys() - before[0].keys()} == {}
    assert watcher_count(loop) == before[1]
    assert asyncio.all_tasks(loop) - before[2] == set()


def collect_garbage():
    for _ in range(3):
        gc.collect()
