"""A child process and its pipes (PEP 3156, "Transports and Protocols for subprocesses").

The protocol is told, in this order: connection_made first; pipe_data_received, pipe_connection_lost for each pipe,
and process_exited as they happen; connection_lost once, after all of these. Nothing happens before connection_made,
because neither the pipes nor the exit are watched until then.
"""

import asyncio
import contextlib
import contextvars
import errno
import os
import signal
import warnings
from asyncio.log import logger

from tulipa._transports.child import Child
from tulipa._transports.endpoint import PipeEndpoint
from tulipa._transports.pipe import ReadPipeTransport, WritePipeTransport
from tulipa._transports.telling import report


class SubprocessTransport(asyncio.SubprocessTransport):
    """The process of `popen`, a `subprocess.Popen`, with the ends of its pipes; it owns them from now on."""

    def __init__(self, loop, popen, protocol, waiter):
        super().__init__({"subprocess": popen})
        self._loop = loop
        self._protocol = protocol
        self._child = Child(popen)
        self._returncode = None
        self._closed = False
        self._over = False
        self._exit_waiters = []
        self._context = contextvars.copy_context()
        self._pipes = {}
        if popen.stdin is not None:
            self._pipes[0] = self._connect(WritePipeTransport, popen.stdin, 0)
        if popen.stdout is not None:
            self._pipes[1] = self._connect(ReadPipeTransport, popen.stdout, 1)
        if popen.stderr is not None:
            self._pipes[2] = self._connect(ReadPipeTransport, popen.stderr, 2)
        self._open_pipes = set(self._pipes)
        # After the first events of the pipes, and before they can have others.
        loop.call_soon(self._start, waiter, context=self._context)

    def __repr__(self):
        parts = [type(self).__name__]
        if self._closed:
            parts.append("closed")
        parts.append(f"pid={self._child.pid}")
        parts.append("running" if self._returncode is None else f"returncode={self._returncode}")
        names = {0: "stdin", 1: "stdout", 2: "stderr"}
        parts += [f"{names[fd]}={pipe!r}" for fd, pipe in self._pipes.items()]
        return f"<{' '.join(parts)}>"

    # -- asyncio.SubprocessTransport ------------------------------------------------------------------------

    def get_pid(self):
        """The number of the process."""
        return self._child.pid

    def get_returncode(self):
        """The exit status, negative for a signal's number; None while the process is not known to have ended."""
        return self._returncode

    def get_pipe_transport(self, fd):
        """The transport of the pipe that is the child's descriptor `fd`: 0, 1 or 2; None where that is no pipe."""
        return self._pipes.get(fd)

    def send_signal(self, signal):
        """Send a signal by its number. Raises ProcessLookupError after connection_lost, OSError for a wrong number."""
        if self._over:
            raise ProcessLookupError(
                errno.ESRCH, f"process {self._child.pid} has ended, with return code {self._returncode}"
            )
        self._child.send_signal(signal)

    def terminate(self):
        """Ask the process to end: SIGTERM. Raises as `send_signal`."""
        self.send_signal(signal.SIGTERM)

    def kill(self):
        """Have the kernel end the process: SIGKILL. Raises as `send_signal`."""
        self.send_signal(signal.SIGKILL)

    def set_protocol(self, protocol):
        """Give all further events to `protocol`."""
        self._protocol = protocol

    def get_protocol(self):
        """The protocol that gets the events."""
        return self._protocol

    def is_closing(self):
        """Whether it is closed or about to be."""
        return self._closed

    def close(self):
        """Close the pipes, and kill the process if it still runs; connection_lost follows when it has ended."""
        if self._closed:
            return
        self._closed = True
        if self._returncode is not None:
            for pipe in self._pipes.values():
                pipe.close()
            return
        if self._loop.get_debug():
            logger.warning("Close running child process: kill %r", self)
        for pipe in self._pipes.values():
            pipe.abort()
        with contextlib.suppress(PermissionError):  # it runs as another user
            self._child.send_signal(signal.SIGKILL)
        if self._loop.is_closed() and self._child.reap() is None:
            self._child.wait_in_thread()

    def __del__(self):
        if not self.__dict__.get("_closed", True) and self._child.is_ours():
            warnings.warn(f"unclosed transport {self!r}", ResourceWarning, source=self, stacklevel=2)
            self.close()

    def ask(self, child_watcher):
        """Have one of asyncio's child watchers tell of the exit; right after it was made, in place of the loop.

        Raises what the watcher raises, and is closed then.
        """
        try:
            self._child.ask(child_watcher, self._loop, self._on_exit, self._context)
        except BaseException:
            # Not at once: its pipes have not begun yet.
            self._loop.call_soon(self.close)
            raise

    # -- events ---------------------------------------------------------------------------------------------

    def _connect(self, kind, pipe, fd):
        os.set_blocking(pipe.fileno(), False)
        endpoint = PipeEndpoint(pipe, pipe.fileno())
        return kind(self._loop, endpoint, _PipeProtocol(self, fd), context=self._context)

    def _start(self, waiter):
        """The first event: connection_made, then the exit is watched, then whoever waits for the start."""
        try:
            self._tell("connection_made", self)
        finally:
            self._child.watch(self._loop, self._on_exit, self._context)
            if not waiter.done():
                waiter.set_result(None)

    def _on_exit(self):
        returncode = self._child.reap()
        if returncode is None:
            return
        if self._loop.get_debug():
            logger.info("%r exited with return code %r", self, returncode)
        self._returncode = returncode
        try:
            self._tell("process_exited")
        finally:
            self._end_if_done()
            # Not at once: first the protocol hears of the ends of the pipes, which mostly came together with the exit.
            self._loop.call_soon(self._wake_waiters)

    def _on_pipe_lost(self, fd, exc):
        self._open_pipes.discard(fd)
        try:
            self._tell("pipe_connection_lost", fd, exc)
        finally:
            self._end_if_done()

    def _end_if_done(self):
        if self._returncode is not None and not self._open_pipes:
            self._loop.call_soon(self._end, context=self._context)

    def _end(self):
        self._over = True
        self._closed = True
        try:
            self._tell("connection_lost", None)
        finally:
            # The two refer to each other; without this only the garbage collector could free them.
            self._protocol = None

    def _tell(self, name, *args):
        """Call a method of the protocol; what it raises is reported, and changes nothing."""
        try:
            getattr(self._protocol, name)(*args)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            report(self, exc, f"protocol.{name}() failed")

    async def _wait(self):
        """The exit status, once the process has ended; `asyncio.subprocess.Process.wait` calls this."""
        if self._returncode is None:
            waiter = self._loop.create_future()
            self._exit_waiters.append(waiter)
            await waiter
        return self._returncode

    def _wake_waiters(self):
        waiters, self._exit_waiters = self._exit_waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)


class _PipeProtocol(asyncio.Protocol):
    """Tells the process's transport what happens on one of its pipes."""

    def __init__(self, process, fd):
        self._process = process
        self._fd = fd

    def data_received(self, data):
        self._process._tell("pipe_data_received", self._fd, data)

    def pause_writing(self):
        self._process._tell("pause_writing")

    def resume_writing(self):
        self._process._tell("resume_writing")

    def connection_lost(self, exc):
        self._process._on_pipe_lost(self._fd, exc)
