"""Streams: reading and writing connections with `await`, without callbacks; asyncio's, on any asyncio loop."""

import asyncio
import functools
import socket
import warnings
import weakref
from asyncio.exceptions import IncompleteReadError, LimitOverrunError
from asyncio.log import logger

from tulipa._core import describe
from tulipa._core.inflow import Inflow
from tulipa._core.native import own_methods
from tulipa._core.pause import sleep
from tulipa._transports.outflow import Outflow, StreamEvents
from tulipa.policy import get_event_loop

__all__: tuple[str, ...] = ("StreamReader", "StreamWriter", "StreamReaderProtocol", "open_connection", "start_server")

if hasattr(socket, "AF_UNIX"):
    __all__ += ("open_unix_connection", "start_unix_server")

_DEFAULT_LIMIT = 65536
_NEWLINE = [b"\n"]


async def open_connection(host=None, port=None, *, limit=_DEFAULT_LIMIT, **kwds):
    """Connect, and give a (StreamReader, StreamWriter).

    `limit`, in bytes, is what a line may have; twice of it may wait to be read before the peer has to wait.
    Everything else is for `loop.create_connection`, whose errors are raised.
    """
    loop = asyncio.get_running_loop()
    return await _connect(loop, loop.create_connection, limit, (host, port), kwds)


async def start_server(client_connected_cb, host=None, port=None, *, limit=_DEFAULT_LIMIT, **kwds):
    """Listen, and call ``client_connected_cb(reader, writer)`` for each client; gives the Server.

    Where that gives a coroutine, as an ``async def`` function does, it is run as a task. `limit` is as of
    `open_connection`; everything else is for `loop.create_server`, whose errors are raised.
    """
    loop = asyncio.get_running_loop()
    return await loop.create_server(_protocol_factory(client_connected_cb, limit, loop), host, port, **kwds)


if hasattr(socket, "AF_UNIX"):

    async def open_unix_connection(path=None, *, limit=_DEFAULT_LIMIT, **kwds):
        """As `open_connection`, to the UNIX socket at `path`, by `loop.create_unix_connection`."""
        loop = asyncio.get_running_loop()
        return await _connect(loop, loop.create_unix_connection, limit, (path,), kwds)

    async def start_unix_server(client_connected_cb, path=None, *, limit=_DEFAULT_LIMIT, **kwds):
        """As `start_server`, on a UNIX socket at `path`, by `loop.create_unix_server`."""
        loop = asyncio.get_running_loop()
        return await loop.create_unix_server(_protocol_factory(client_connected_cb, limit, loop), path, **kwds)


async def _connect(loop, create, limit, where, options):
    reader = StreamReader(limit=limit, loop=loop)
    protocol = StreamReaderProtocol(reader, loop=loop)
    transport, _ = await create(lambda: protocol, *where, **options)
    return reader, StreamWriter(transport, protocol, reader, loop)


def _protocol_factory(client_connected_cb, limit, loop):
    def make():
        return StreamReaderProtocol(StreamReader(limit=limit, loop=loop), client_connected_cb, loop=loop)

    return make


class FlowControlMixin(StreamEvents, asyncio.Protocol):
    """A protocol that makes ``StreamWriter.drain()`` wait while its transport asks not to write."""

    def __init__(self, loop=None):
        StreamEvents.__init__(self, get_event_loop() if loop is None else loop)
        self._drains_plainly = type(self)._drain_helper is FlowControlMixin._drain_helper
        self._lost_by = None

    def pause_writing(self):
        """The transport's buffer is full."""
        self._paused = True
        if self._loop.get_debug():
            logger.debug("%r pauses writing", self)

    def resume_writing(self):
        """The transport's buffer has room again."""
        self._paused = False
        if self._loop.get_debug():
            logger.debug("%r resumes writing", self)
        self._wake_drainers()

    def connection_lost(self, exc):
        """The connection is closed, by `exc` where that is an exception."""
        if not self._connection_lost:  # a child's protocol hears of its stdin, then of the child
            self._lost_by = exc
        self._connection_lost = True
        self._wake_drainers()

    def _wake_drainers(self):
        for waiter in self._drain_waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def _drain_helper(self):
        if self._connection_lost:
            raise ConnectionResetError("Connection lost: what is written now goes nowhere; close the stream")
        while self._paused and not self._connection_lost:
            waiter = self._loop.create_future()
            self._drain_waiters.append(waiter)
            try:
                await waiter
            finally:
                self._drain_waiters.remove(waiter)
        if self._lost_by is not None:
            raise self._lost_by

    def _get_close_waiter(self, stream):
        raise NotImplementedError("this protocol does not tell when it is closed: give the writer another one")


class StreamReaderProtocol(FlowControlMixin):
    """Feeds a StreamReader with what a transport receives; with `client_connected_cb`, serves a client.

    It refers to the reader weakly: data for a reader that nobody holds is dropped.
    """

    _source_traceback = None

    def __init__(self, stream_reader, client_connected_cb=None, loop=None):
        super().__init__(loop=loop)
        if stream_reader is not None:
            self._stream_reader_wr = weakref.ref(stream_reader)
            self._source_traceback = stream_reader._source_traceback
        # Until there is a connection, nobody else holds a server's reader.
        self._strong_reader = None if client_connected_cb is None else stream_reader
        self._client_connected_cb = client_connected_cb
        self._task = None
        self._transport = None
        self._over_ssl = False
        self._closed = self._loop.create_future()

    @property
    def _stream_reader(self):
        return None if self._stream_reader_wr is None else self._stream_reader_wr()

    def connection_made(self, transport):
        """Begin to read, and have the client served."""
        reader = self._stream_reader
        self._transport = transport
        self._over_ssl = transport.get_extra_info("sslcontext") is not None
        if reader is not None:
            reader.set_transport(transport)
        if self._client_connected_cb is not None:
            self._serve(reader, transport)
            self._strong_reader = None

    def _serve(self, reader, transport):
        writer = StreamWriter(transport, self, reader, self._loop)
        try:
            result = self._client_connected_cb(reader, writer)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self._handler_failed(exc, transport)
            return
        if asyncio.iscoroutine(result):
            self._task = self._loop.create_task(result)
            self._task.add_done_callback(functools.partial(self._handler_done, transport))

    def _handler_done(self, transport, task):
        if task.cancelled():
            transport.close()
        elif (exc := task.exception()) is not None:
            self._handler_failed(exc, transport)

    def _handler_failed(self, exc, transport):
        self._loop.call_exception_handler(
            {"message": "Unhandled exception in client_connected_cb", "exception": exc, "transport": transport}
        )
        transport.close()

    def eof_received(self):
        """End the reader; keep the connection open for writing, which TLS does not allow."""
        reader = self._stream_reader
        if reader is not None:
            reader.feed_eof()
        return not self._over_ssl

    def connection_lost(self, exc):
        """End the reader and wake whoever waits."""
        reader = self._stream_reader
        if reader is not None:
            if exc is None:
                reader.feed_eof()
            else:
                reader.set_exception(exc)
        _settle(self._closed, exc)
        super().connection_lost(exc)
        self._stream_reader_wr = None
        self._task = None
        self._transport = None

    def _replace_transport(self, transport):
        """From now on the connection is this transport's, which start_tls() has made."""
        self._transport = transport
        self._over_ssl = transport.get_extra_info("sslcontext") is not None
        reader = self._stream_reader
        if reader is not None:
            reader._replace_transport(transport)

    def _get_close_waiter(self, stream):
        return self._closed


def _settle(closed, exc):
    """End a future that tells of a connection's end, unless somebody has cancelled it."""
    if closed.done():
        return
    if exc is None:
        closed.set_result(None)
    else:
        closed.set_exception(exc)
        closed.exception()  # nobody has to wait for it, so that it is no exception that was never retrieved


async def _when_done(future):
    """The result of a future that others wait for too: cancelling this leaves the future as it is."""
    if not future.done():
        waiter = future.get_loop().create_future()

        def wake(_):
            if not waiter.done():
                waiter.set_result(None)

        future.add_done_callback(wake)
        try:
            await waiter
        finally:
            future.remove_done_callback(wake)
    return future.result()


@own_methods
class StreamWriter(Outflow, asyncio.StreamWriter):
    """Writes to a transport; close it when done. It is an instance of asyncio.StreamWriter too."""

    def __init__(self, transport, protocol, reader, loop):
        Outflow.__init__(self, transport, protocol, reader, loop)

    def __repr__(self):
        reader = "" if self._reader is None else f" reader={self._reader!r}"
        return f"<{type(self).__name__} transport={self._transport!r}{reader}>"

    @property
    def transport(self):
        """The transport that is written to."""
        return self._transport

    def write_eof(self):
        """Half-close, after what was written: the peer sees the end."""
        return self._transport.write_eof()

    def can_write_eof(self):
        """Whether `write_eof` is there; TLS has none."""
        return self._transport.can_write_eof()

    def close(self):
        """Close the connection, after what was written; `await wait_closed()` to see it closed."""
        return self._transport.close()

    def is_closing(self):
        """Whether it is closed or about to be."""
        return self._transport.is_closing()

    async def wait_closed(self):
        """Wait until the connection is closed; raises what it was lost by."""
        closed = self._protocol._get_close_waiter(self)
        await (_when_done(closed) if asyncio.isfuture(closed) else closed)

    def get_extra_info(self, name, default=None):
        """What the transport knows of the connection: 'peername', 'socket' …; `default` for what it doesn't."""
        return self._transport.get_extra_info(name, default)

    async def drain(self):
        """Wait until it is time to write more: `write` it, then await this.

        Raises what ended the reader, or what the connection was lost by; ConnectionResetError after its end.
        """
        if self._is_drained():
            return
        if self._transport.is_closing():
            # Its end may be on its way: a loop of write() and drain() must get to see it.
            await sleep(0)
        await self._protocol._drain_helper()

    async def start_tls(
        self, sslcontext, *, server_hostname=None, ssl_handshake_timeout=None, ssl_shutdown_timeout=None
    ):
        """Go on over TLS, on both this writer and its reader. As `loop.start_tls`, whose errors are raised."""
        protocol = self._protocol
        await self.drain()
        transport = await self._loop.start_tls(
            self._transport,
            protocol,
            sslcontext,
            server_side=protocol._client_connected_cb is not None,
            server_hostname=server_hostname,
            ssl_handshake_timeout=ssl_handshake_timeout,
            ssl_shutdown_timeout=ssl_shutdown_timeout,
        )
        self._transport = transport
        protocol._replace_transport(transport)

    def __del__(self, warnings=warnings):
        transport = getattr(self, "_transport", None)  # None or missing where __init__ has not run
        if transport is None or transport.is_closing():
            return
        if self._loop.is_closed():
            warnings.warn("loop is closed", ResourceWarning, stacklevel=1, source=self)
        else:
            self.close()
            warnings.warn(f"unclosed {self!r}", ResourceWarning, stacklevel=1, source=self)


@own_methods
class StreamReader(Inflow, asyncio.StreamReader):
    """Reads what is fed to it, by one task at a time. It is an instance of asyncio.StreamReader too.

    A reader that is cancelled has taken nothing: all bytes are there for the next one.
    """

    _source_traceback = None
    _reads_lines_by_readuntil = False

    def __init__(self, limit=_DEFAULT_LIMIT, loop=None):
        if limit <= 0:
            raise ValueError(f"Limit cannot be <= 0, got {limit!r}; it is a number of bytes")
        Inflow.__init__(self, limit, get_event_loop() if loop is None else loop)
        if self._loop.get_debug():
            self._source_traceback = describe.creation_stack()

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        cls._reads_lines_by_readuntil = cls.readuntil is not StreamReader.readuntil

    def __repr__(self):
        size = self._count()
        words = [type(self).__name__]
        words += [f"{size} bytes"] if size else []
        words += ["eof"] if self._eof else []
        words += [f"limit={self._limit}"] if self._limit != _DEFAULT_LIMIT else []
        words += [f"waiter={self._waiter!r}"] if self._waiter else []
        words += [f"exception={self._exception!r}"] if self._exception else []
        words += [f"transport={self._transport!r}"] if self._transport else []
        words += ["paused"] if self._paused else []
        return f"<{' '.join(words)}>"

    async def read(self, n=-1):
        """At most `n` bytes, as soon as there is one, b"" at the end; all up to the end for a negative `n`."""
        while type(data := self._read(n)) is not bytes:
            try:
                await data
            except BaseException:
                self._stop_waiting(data)
                raise
        return data

    async def readexactly(self, n):
        """Exactly `n` bytes, be it more than the limit; IncompleteReadError, with the rest, where it ends before."""
        while type(data := self._read_exactly(n)) is not bytes:
            try:
                await data
            except BaseException:
                self._stop_waiting(data)
                raise
        return data

    async def readline(self):
        """A line, with its newline; what is left at the end, b"" after it.

        Raises ValueError for a line longer than the limit, and drops what there is of it.
        """
        mark = 0
        try:
            if self._reads_lines_by_readuntil:
                return await self.readuntil(b"\n")
            while type(line := self._read_until(_NEWLINE, mark, "readline")) is not bytes:
                mark = self._mark
                try:
                    await line
                except BaseException:
                    self._stop_waiting(line)
                    raise
        except IncompleteReadError as error:
            return error.partial
        except LimitOverrunError as error:
            self._drop_overlong(b"\n", error.consumed)
            raise ValueError(error.args[0]) from error
        return line

    async def readuntil(self, separator=b"\n"):
        """Everything up to and with `separator`; a tuple of several: with the one that makes it shortest.

        Raises LimitOverrunError, leaving all bytes, where the separator is further than the limit, and
        IncompleteReadError, with the rest, at the end.
        """
        separators = _checked_separators(separator)
        mark = 0
        while type(data := self._read_until(separators, mark, "readuntil")) is not bytes:
            mark = self._mark
            try:
                await data
            except BaseException:
                self._stop_waiting(data)
                raise
        return data

    async def _wait_for_data(self, func_name):
        # Not used here: subclasses that read in a way of their own build on it.
        waiter = self._wait_for_more(func_name)
        try:
            await waiter
        except BaseException:
            self._stop_waiting(waiter)
            raise
        if self._exception is not None:
            raise self._exception

    def __aiter__(self):
        return self

    async def __anext__(self):
        line = await self.readline()
        if line == b"":
            raise StopAsyncIteration
        return line


def _checked_separators(separator):
    """One or several as a list of bytes, the shortest first."""
    several = separator if isinstance(separator, tuple) else (separator,)
    if not several:
        raise ValueError("Separator should contain at least one element, got an empty tuple")
    for each in several:
        if isinstance(each, str):
            raise TypeError(f"Separator should be bytes, not str; encode it first: {each!r}.encode()")
    separators = sorted((bytes(memoryview(each)) for each in several), key=len)
    if not separators[0]:
        raise ValueError("Separator should be at least one byte long")
    return separators
