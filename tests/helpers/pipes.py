"""Pipes of every kind as pairs of file objects, and their transports, for the tests of pipes."""

import asyncio
import contextlib
import os
import socket
import tempfile
import tty

from helpers.streams import Recorder

KINDS = ("pipe", "fifo", "socket", "pty")


def _fifo():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "fifo")
        os.mkfifo(path)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        return reader, os.open(path, os.O_WRONLY)


def _socket():
    one, other = socket.socketpair()
    return one.detach(), other.detach()


def _pty():
    leader, follower = os.openpty()
    tty.setraw(follower)
    return leader, follower


_MAKERS = {"pipe": os.pipe, "fifo": _fifo, "socket": _socket, "pty": _pty}


@contextlib.contextmanager
def pipe_of(kind):
    """(reader, writer): unbuffered file objects, closed at the end of the block if they are open then."""
    reader, writer = _MAKERS[kind]()
    with open(reader, "rb", 0) as reader, open(writer, "wb", 0) as writer:
        yield reader, writer


@contextlib.asynccontextmanager
async def reading(loop, kind="pipe", protocol=None):
    """(transport, protocol, writer): the reading end is a transport's, the writing end a file object."""
    with pipe_of(kind) as (reader, writer):
        transport, protocol = await loop.connect_read_pipe(lambda: protocol or Recorder(), reader)
        try:
            yield transport, protocol, writer
        finally:
            transport.close()
            await closed(reader)


@contextlib.asynccontextmanager
async def writing(loop, kind="pipe", protocol=None):
    """(transport, protocol, reader): the writing end is a transport's, the reading end a file object."""
    with pipe_of(kind) as (reader, writer):
        os.set_blocking(reader.fileno(), False)
        transport, protocol = await loop.connect_write_pipe(lambda: protocol or Recorder(), writer)
        try:
            yield transport, protocol, reader
        finally:
            if not writer.closed:
                transport.abort()
            await closed(writer)


async def closed(file):
    """Wait until the transport has closed its file."""
    while not file.closed:
        await asyncio.sleep(0)


async def take(loop, reader, size):
    """Exactly that many bytes of a file object that does not block."""
    data = bytearray()
    while len(data) < size:
        chunk = os_read(reader, size - len(data))
        assert chunk != b"", f"end of file after {len(data)} of {size} bytes"
        if chunk is None:
            await readable(loop, reader)
        else:
            data += chunk
    return bytes(data)


async def take_all(loop, reader):
    """Everything up to the end."""
    data = bytearray()
    while (chunk := os_read(reader, 65536)) != b"":
        if chunk is None:
            await readable(loop, reader)
        else:
            data += chunk
    return bytes(data)


def os_read(reader, size):
    """What is there; None where there is nothing now, b"" at the end (a terminal reports EIO there)."""
    try:
        return reader.read(size)
    except OSError:
        return b""


async def readable(loop, reader):
    ready = loop.create_future()
    loop.add_reader(reader, lambda: ready.done() or ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_reader(reader)


def fill(transport):
    """Write to the pipe beside its transport until the kernel takes no more; returns what was written."""
    fd = transport.get_extra_info("pipe").fileno()
    filled = bytearray()
    with contextlib.suppress(BlockingIOError):
        while True:
            filled += b"f" * os.write(fd, b"f" * 4096)
    return bytes(filled)
