"""Child processes with streams for their pipes; asyncio's, on any asyncio loop."""

import asyncio
import subprocess
from asyncio.log import logger

from tulipa._highlevel.gathering import gather
from tulipa._highlevel.streams import _DEFAULT_LIMIT, FlowControlMixin, StreamReader, StreamWriter, _settle

__all__ = ("create_subprocess_exec", "create_subprocess_shell")

PIPE = subprocess.PIPE
STDOUT = subprocess.STDOUT
DEVNULL = subprocess.DEVNULL


async def create_subprocess_shell(cmd, stdin=None, stdout=None, stderr=None, limit=_DEFAULT_LIMIT, **kwds):
    """Start the command line `cmd` in a shell, and give its Process.

    `limit`, in bytes, is as of `open_connection`; everything else is for `loop.subprocess_shell`.
    """
    loop = asyncio.get_running_loop()
    pipes = {"stdin": stdin, "stdout": stdout, "stderr": stderr}
    made = await loop.subprocess_shell(lambda: SubprocessStreamProtocol(limit, loop), cmd, **pipes, **kwds)
    return Process(*made, loop)


async def create_subprocess_exec(
    program, *args, stdin=None, stdout=None, stderr=None, limit=_DEFAULT_LIMIT, **kwds
):
    """Start `program` with its arguments, and give its Process.

    `limit`, in bytes, is as of `open_connection`; everything else is for `loop.subprocess_exec`.
    """
    loop = asyncio.get_running_loop()
    pipes = {"stdin": stdin, "stdout": stdout, "stderr": stderr}
    made = await loop.subprocess_exec(lambda: SubprocessStreamProtocol(limit, loop), program, *args, **pipes, **kwds)
    return Process(*made, loop)


class SubprocessStreamProtocol(FlowControlMixin, asyncio.SubprocessProtocol):
    """Feeds StreamReaders with what a child writes, and has a StreamWriter for what it reads."""

    def __init__(self, limit, loop):
        super().__init__(loop=loop)
        self._limit = limit
        self._transport = None
        self._process_exited = False
        self._pipe_fds = []
        self._stdin_closed = self._loop.create_future()
        self.stdin = None
        self.stdout = None
        self.stderr = None

    def __repr__(self):
        streams = {"stdin": self.stdin, "stdout": self.stdout, "stderr": self.stderr}
        words = [f"{name}={stream!r}" for name, stream in streams.items() if stream is not None]
        return f"<{' '.join([type(self).__name__, *words])}>"

    def connection_made(self, transport):
        """The child runs: make a stream for each of its pipes."""
        self._transport = transport
        self.stdout = self._reader_of(1)
        self.stderr = self._reader_of(2)
        stdin = transport.get_pipe_transport(0)
        if stdin is not None:
            self.stdin = StreamWriter(stdin, self, None, self._loop)

    def _reader_of(self, fd):
        pipe = self._transport.get_pipe_transport(fd)
        if pipe is None:
            return None
        reader = StreamReader(limit=self._limit, loop=self._loop)
        reader.set_transport(pipe)
        self._pipe_fds.append(fd)
        return reader

    def _reader_for(self, fd):
        return self.stdout if fd == 1 else self.stderr if fd == 2 else None

    def pipe_data_received(self, fd, data):
        """The child has written to its descriptor `fd`."""
        reader = self._reader_for(fd)
        if reader is not None:
            reader.feed_data(data)

    def pipe_connection_lost(self, fd, exc):
        """The pipe of the child's descriptor `fd` is closed."""
        if fd == 0:
            if self.stdin is not None:
                self.stdin.close()
            self.connection_lost(exc)
            _settle(self._stdin_closed, exc)
            return
        reader = self._reader_for(fd)
        if reader is not None and exc is None:
            reader.feed_eof()
        elif reader is not None:
            reader.set_exception(exc)
        if fd in self._pipe_fds:
            self._pipe_fds.remove(fd)
        self._close_if_over()

    def process_exited(self):
        """The child has ended; its pipes may hold data yet."""
        self._process_exited = True
        self._close_if_over()

    def _close_if_over(self):
        if self._process_exited and not self._pipe_fds and self._transport is not None:
            self._transport.close()
            self._transport = None

    def _get_close_waiter(self, stream):
        return self._stdin_closed if stream is self.stdin else super()._get_close_waiter(stream)


class Process:
    """A child process: `pid`, `returncode`, and `stdin`, `stdout`, `stderr` as streams, None for what is no pipe."""

    def __init__(self, transport, protocol, loop):
        self._transport = transport
        self._protocol = protocol
        self._loop = loop
        self._input_sent = False
        self.stdin = protocol.stdin
        self.stdout = protocol.stdout
        self.stderr = protocol.stderr
        self.pid = transport.get_pid()

    def __repr__(self):
        return f"<{type(self).__name__} {self.pid}>"

    @property
    def returncode(self):
        """The exit status, negative for a signal's number; None while the process is not known to have ended."""
        return self._transport.get_returncode()

    async def wait(self):
        """Wait for the end of the process; its exit status. With pipes, `communicate` can't block for ever."""
        return await self._transport._wait()

    def send_signal(self, signal):
        """Send a signal by its number; ProcessLookupError when the process is over and known to be."""
        self._transport.send_signal(signal)

    def terminate(self):
        """Ask the process to end: SIGTERM. Raises as `send_signal`."""
        self._transport.terminate()

    def kill(self):
        """Have the kernel end the process: SIGKILL. Raises as `send_signal`."""
        self._transport.kill()

    async def communicate(self, input=None):
        """Send `input` (bytes) and close stdin, read stdout and stderr to their ends, wait for the end of the process.

        Gives (stdout, stderr), None for what is no pipe. When it is cancelled nothing is lost: called again, without
        input, it gives all the output. ValueError for input where some was sent before.
        """
        self._send(input)
        coros = [self._finish_stdin(), self._read_stream(1), self._read_stream(2)]
        tasks = [self._loop.create_task(coro) for coro in coros]
        try:
            _, stdout, stderr = await gather(*tasks)
        finally:
            # Where one fails, the others are not to go on by themselves.
            for task in tasks:
                task.cancel()
        await self.wait()
        return stdout, stderr

    def _send(self, input):
        if not input or self.stdin is None:
            return
        if self._input_sent:
            raise ValueError("communicate() has sent input already: call it again without input, for the output")
        try:
            self.stdin.write(input)
        except (BrokenPipeError, ConnectionResetError) as exc:
            self._note("stdin got %r", exc)
        self._input_sent = True
        self._note("feed stdin (%s bytes)", len(input))

    async def _finish_stdin(self):
        if self.stdin is None:
            return
        try:
            await self.stdin.drain()
        except (BrokenPipeError, ConnectionResetError) as exc:
            # The child need not read all of it.
            self._note("stdin got %r", exc)
        self._note("close stdin")
        self.stdin.close()

    async def _read_stream(self, fd):
        stream = self.stdout if fd == 1 else self.stderr
        if stream is None:
            return None
        transport = self._transport.get_pipe_transport(fd)
        output = await stream.read()
        transport.close()
        return output

    def _note(self, text, *arguments):
        if self._loop.get_debug():
            logger.debug("%r communicate: " + text, self, *arguments)
