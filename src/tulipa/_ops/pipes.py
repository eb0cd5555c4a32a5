"""connect_read_pipe and connect_write_pipe: from a file object to a transport for one direction."""

import functools
import os
import stat
import sys
from asyncio.log import logger

from tulipa._transports.callbacks import release
from tulipa._transports.endpoint import PipeEndpoint
from tulipa._transports.pipe import ReadPipeTransport, WritePipeTransport


async def connect_read_pipe(loop, protocol_factory, pipe):
    """Read from the file object `pipe`: a pipe, FIFO, socket, terminal or another character device; gives
    (transport, protocol).

    The transport makes the descriptor non-blocking and owns the file object, which is closed with it; what fails
    before there is a transport leaves it to the caller. Raises ValueError for another kind of file.
    """
    return await _connect("Read", loop, protocol_factory, pipe, lambda kind: ReadPipeTransport)


async def connect_write_pipe(loop, protocol_factory, pipe):
    """Write to the file object `pipe`, as of `connect_read_pipe`; gives (transport, protocol).

    The transport ends when nobody can read any more what is written; of devices, only a failing write tells that.
    """
    return await _connect("Write", loop, protocol_factory, pipe, _writer)


def _writer(kind):
    # On AIX a pipe does not tell either.
    notice_end = stat.S_ISSOCK(kind) or (stat.S_ISFIFO(kind) and not sys.platform.startswith("aix"))
    return functools.partial(WritePipeTransport, notice_end=notice_end)


async def _connect(direction, loop, protocol_factory, pipe, transport_for):
    loop._check_closed()
    kind = _kind(pipe)
    fd = pipe.fileno()  # the protocol may close it
    protocol = protocol_factory()
    waiter = loop.create_future()
    endpoint = _endpoint(loop, pipe)
    os.set_blocking(endpoint._fd, False)
    transport = transport_for(kind)(loop, endpoint, protocol, waiter)
    try:
        await waiter
    except BaseException:
        transport.close()
        raise
    if loop._debug:
        logger.debug("%s pipe %r connected: (%r, %r)", direction, fd, transport, protocol)
    return transport, protocol


def _kind(pipe):
    """The file's type, one that can be waited for. ValueError."""
    mode = os.fstat(pipe.fileno()).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISCHR(mode)):
        what = "a regular file" if stat.S_ISREG(mode) else "a directory" if stat.S_ISDIR(mode) else "a block device"
        raise ValueError(
            f"Pipe transport is for pipes, sockets and character devices only, and {pipe!r} is {what}; "
            "read or write it in asyncio.to_thread()"
        )
    return mode


def _endpoint(loop, pipe):
    fd = pipe.fileno()
    known = loop._driver.watcher_of(fd)
    if loop._transport_fds.has(fd) and (known is None or isinstance(known._endpoint, PipeEndpoint)):
        # The other direction of the same terminal or socket: a driver knows one watcher for a descriptor.
        return PipeEndpoint(pipe, os.dup(fd), is_duplicate=True)
    release(loop, fd)
    return PipeEndpoint(pipe, fd)
