"""What the soak does all the time. Each workload is ``start`` once, ``round`` many times at once, ``stop`` once.

A round checks all that it gets. It may end in an error where a fault was injected or it gave up on purpose; it may not
get wrong bytes, and it may not hang.
"""

import asyncio
import collections
import contextlib
import os
import random
import socket
import ssl
import sys
import tempfile
import threading

import trustme

LOOPBACK = "127.0.0.1"
# What a fault, or a peer that met one, looks like.
EXPECTED = (OSError, asyncio.IncompleteReadError, EOFError)


class Wrong(Exception):
    """Bytes arrived that were never sent so."""


class Workload:
    """Base class: `rng` is the source of chance, `moved` counts the bytes that came back right."""

    at_once = 4

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.moved = 0

    @property
    def name(self):
        return type(self).__name__.lower()

    async def start(self):
        """Begin to serve."""

    async def round(self):
        """Do it once."""
        raise NotImplementedError

    async def stop(self):
        """End what `start` began."""

    def data(self, most=200_000):
        """Some bytes, seldom many."""
        size = self.rng.choice((1, 10, 1000, 20_000, most))
        return self.rng.randbytes(self.rng.randint(1, size))

    def check(self, got, sent):
        if got != sent:
            raise Wrong(f"{self.name}: {len(got)} bytes came back of {len(sent)}, and not the same ones")
        self.moved += len(got)


class Tcp(Workload):
    """An echo server by streams, and clients that write, read, half-close, abort or are cancelled."""

    async def start(self):
        self.server = await self.serve()

    async def serve(self):
        return await asyncio.start_server(self.echo, LOOPBACK, 0)

    async def connect(self):
        return await asyncio.open_connection(*self.server.sockets[0].getsockname())

    async def echo(self, reader, writer):
        with contextlib.suppress(*EXPECTED):
            try:
                while data := await reader.read(65536):
                    writer.write(data)
                    await writer.drain()
            finally:
                writer.close()
                await writer.wait_closed()

    async def round(self):
        reader, writer = await self.connect()
        try:
            for _ in range(self.rng.randint(1, 5)):
                await self.exchange(reader, writer)
            if writer.can_write_eof() and self.rng.random() < 0.5:
                writer.write_eof()
                self.check(await reader.read(), b"")
        finally:
            if self.rng.random() < 0.2:
                writer.transport.abort()
            writer.close()
            with contextlib.suppress(*EXPECTED):
                await writer.wait_closed()

    async def exchange(self, reader, writer):
        sent = self.data()
        writing = asyncio.create_task(self.send(writer, sent))
        try:
            self.check(await reader.readexactly(len(sent)), sent)
        finally:
            writing.cancel()
            await asyncio.wait([writing])
            if not writing.cancelled() and writing.exception() and not isinstance(writing.exception(), EXPECTED):
                raise writing.exception()

    async def send(self, writer, data):
        step = self.rng.choice((len(data), 1000, 30_000))
        for start in range(0, len(data), step):
            writer.write(data[start : start + step])
            await writer.drain()

    async def stop(self):
        self.server.close()
        await self.server.wait_closed()


class Unix(Tcp):
    """The same over a UNIX socket."""

    async def serve(self):
        self.directory = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.directory.name, "soak.sock")
        return await asyncio.start_unix_server(self.echo, self.path)

    async def connect(self):
        return await asyncio.open_unix_connection(self.path)

    async def stop(self):
        await super().stop()
        self.directory.cleanup()


class Tls(Tcp):
    """The same with TLS: a handshake each round."""

    at_once = 2

    async def serve(self):
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", LOOPBACK).configure_cert(context)
        self.trust = ssl.create_default_context()
        authority.configure_trust(self.trust)
        return await asyncio.start_server(self.echo, LOOPBACK, 0, ssl=context)

    async def connect(self):
        address = self.server.sockets[0].getsockname()
        return await asyncio.open_connection(*address, ssl=self.trust, server_hostname="localhost")


class _BufferedEcho(asyncio.BufferedProtocol):
    def connection_made(self, transport):
        self.transport = transport
        self.memory = bytearray(10_000)

    def get_buffer(self, sizehint):
        return self.memory

    def buffer_updated(self, nbytes):
        self.transport.write(bytes(self.memory[:nbytes]))

    def pause_writing(self):
        self.transport.pause_reading()

    def resume_writing(self):
        self.transport.resume_reading()


class Buffered(Tcp):
    """The same, served by a buffered protocol with back-pressure."""

    async def serve(self):
        return await asyncio.get_running_loop().create_server(_BufferedEcho, LOOPBACK, 0)


class GivenUp(Tcp):
    """Connections that are cancelled somewhere on the way."""

    async def round(self):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.rng.random() * 0.01):
                await super().round()


class Sockets(Workload):
    """The low-level socket calls."""

    async def round(self):
        loop = asyncio.get_running_loop()
        one, other = socket.socketpair()
        with one, other:
            one.setblocking(False)
            other.setblocking(False)
            sent = self.data()
            sending = loop.create_task(loop.sock_sendall(one, sent))
            got = bytearray()
            while len(got) < len(sent):
                got += await loop.sock_recv(other, 65536)
            await sending
            self.check(got, sent)


class _Answers(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.transport.sendto(data, addr)


class _Collects(asyncio.DatagramProtocol):
    def __init__(self):
        self.got = []
        self.lost = asyncio.get_running_loop().create_future()

    def datagram_received(self, data, addr):
        self.got.append(data)

    def connection_lost(self, exc):
        self.lost.set_result(exc)


class Udp(Workload):
    """Datagrams to a server that sends them back; what arrives is whole and was sent."""

    async def start(self):
        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_datagram_endpoint(_Answers, local_addr=(LOOPBACK, 0))
        # An answer may find another round at its port, which the one that asked has left.
        self.lately = collections.deque(maxlen=32)

    async def round(self):
        loop = asyncio.get_running_loop()
        address = self.transport.get_extra_info("sockname")
        transport, protocol = await loop.create_datagram_endpoint(_Collects, remote_addr=address)
        try:
            sent = [self.rng.randbytes(self.rng.randint(0, 1400)) for _ in range(self.rng.randint(1, 50))]
            self.lately.append(sent)
            for data in sent:
                transport.sendto(data)
            await asyncio.sleep(self.rng.random() * 0.01)
        finally:
            transport.close() if self.rng.random() < 0.7 else transport.abort()
            await protocol.lost
        for data in protocol.got:
            if not any(data in sent for sent in self.lately):
                raise Wrong(f"udp: a datagram of {len(data)} bytes came back that was never sent")
            self.moved += len(data)

    async def stop(self):
        self.transport.close()


class _Reads(asyncio.Protocol):
    def __init__(self):
        self.got = bytearray()
        self.lost = asyncio.get_running_loop().create_future()

    def data_received(self, data):
        self.got += data

    def connection_lost(self, exc):
        self.lost.set_result(exc)


class Pipes(Workload):
    """Both ends of a pipe."""

    async def round(self):
        loop = asyncio.get_running_loop()
        reading, writing = os.pipe()
        reader, writer = os.fdopen(reading, "rb", 0), os.fdopen(writing, "wb", 0)
        transport, protocol = await loop.connect_read_pipe(_Reads, reader)
        other, feeding = await loop.connect_write_pipe(_Reads, writer)
        sent = self.data()
        other.write(sent)
        other.close()
        error = await feeding.lost or await protocol.lost
        if error is None:
            self.check(protocol.got, sent)
        elif not sent.startswith(protocol.got):
            raise Wrong("pipes: bytes arrived that were never sent so")
        transport.close()
        await asyncio.wait([protocol.lost, feeding.lost])


class Children(Workload):
    """Child processes that are fed and read, or killed."""

    at_once = 1

    async def round(self):
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec("cat", stdin=pipe, stdout=pipe)
        if self.rng.random() < 0.3:
            child.kill()
            await child.communicate()
            return
        sent = self.data()
        got, _ = await child.communicate(sent)
        if await child.wait() != 0:
            raise Wrong(f"children: cat ended with {child.returncode}")
        if not sent.startswith(got):
            raise Wrong(f"children: {len(got)} bytes came back of {len(sent)}, and not the same ones")
        self.moved += len(got)


class Tasks(Workload):
    """Tasks, timers, timeouts and cancellation, without input or output."""

    async def round(self):
        async def nap():
            await asyncio.sleep(self.rng.random() * 0.002)
            if self.rng.random() < 0.1:
                raise EOFError("on purpose")
            return 1

        tasks = [asyncio.create_task(nap()) for _ in range(20)]
        await asyncio.sleep(0)
        self.rng.choice(tasks).cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 0.001)


class Threads(Workload):
    """Work in other threads, and calls from there."""

    at_once = 2

    async def round(self):
        loop = asyncio.get_running_loop()
        event = asyncio.Event()
        number = await asyncio.to_thread(lambda: loop.call_soon_threadsafe(event.set) and threading.get_ident())
        await event.wait()
        if number == threading.get_ident():
            raise Wrong("threads: to_thread() ran in the loop's own thread")


class Loops(Workload):
    """Whole loops, made and closed in a thread of their own."""

    at_once = 1

    async def round(self):
        factory = type(asyncio.get_running_loop())

        def run():
            with asyncio.Runner(loop_factory=factory) as runner:
                return runner.run(asyncio.sleep(0, "over"))

        if await asyncio.to_thread(run) != "over":
            raise Wrong("loops: a loop in a thread did not give its result")


WORKLOADS = [Tcp, Unix, Tls, Buffered, GivenUp, Sockets, Udp, Pipes, Children, Tasks, Threads, Loops]
if sys.platform == "win32":
    WORKLOADS = [kind for kind in WORKLOADS if kind not in (Unix, Pipes, Children)]
