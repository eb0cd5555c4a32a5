"""One direction of bytes over a pipe, a FIFO, a character device or a socket (PEP 3156, "Unidirectional Stream
Transports").

Some facts, and what follows from them:

- epoll refuses devices such as /dev/null, which never block. So: these are read once a turn.
- A pipe whose last reader is gone reports an error to whoever watches its writing end, for whatever. So: it is
  watched for reading, although nothing can be read.
- A FIFO opened for both, or a socket, can have something to read. So: whether the reader is gone is asked for, and
  where it is not, there is no more watching once there is something.
- Linux reports the end of a terminal's other side as EIO. So: that is no news either.
"""

import asyncio
import errno
from asyncio.log import logger

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._transports.life import Transport
from tulipa._transports.writing import WritingTransport

if not cython.compiled:  # compiled, the .pxd declares them
    from tulipa._drivers.base import READ
    from tulipa._transports.reading import pause, reads, receive, resume
    from tulipa._transports.telling import report


class ReadPipeTransport(Transport):
    """The reading end of a pipe. It owns the file object of its endpoint from its construction on."""

    def __init__(self, loop, endpoint, protocol, waiter=None, context=None):
        self._prepare(loop, endpoint, endpoint._fd, protocol, None)
        if context is not None:
            self._held = context
        self._extra = {"pipe": endpoint._pipe}
        self._read_asked = False
        loop.call_soon(self._start, waiter, context=self._context)

    @property
    def __class__(self):
        return asyncio.ReadTransport

    def __repr__(self):
        reading = "polling" if reads(self) else "idle"
        return f"<{type(self).__name__} {self._describe_state()} fd={self._fd} {reading}>"

    def is_reading(self):
        """Whether data is being given to the protocol."""
        return reads(self)

    def pause_reading(self):
        """Give no data to the protocol until `resume_reading`; harmless when paused or closing."""
        pause(self)

    def resume_reading(self):
        """Give data to the protocol again; harmless when it is or when closing."""
        resume(self)

    def close(self):
        """Receive no more, and close the pipe."""
        self._force_close(None)

    def _on_ready(self, happened):
        receive(self)
        if self._eof_read:
            # Whatever eof_received() says: there is no other direction to keep it open for.
            self.close()
            if self._state_of_loop._debug:
                logger.info("%r was closed by peer", self)
        return 0

    def _on_unwatchable(self, exc):
        if not isinstance(exc, PermissionError):
            self._fatal_error(exc, "Fatal error: the pipe can't be watched")
        elif not self._read_asked:
            self._read_asked = True
            self._loop.call_soon(self._read_unwatched, context=self._context)
        return 0

    def _read_unwatched(self):
        self._read_asked = False
        if reads(self):
            self._on_ready(READ)
            self._update_interest()

    def _fatal_error(self, exc, message="Fatal error on pipe transport"):
        if isinstance(exc, OSError) and exc.errno != errno.EIO:
            report(self, exc, message)
        Transport._fatal_error(self, exc, message)

    def _forget_unsent(self):
        return 0


class WritePipeTransport(WritingTransport):
    """The writing end of a pipe. It owns the file object of its endpoint from its construction on.

    With `notice_end` it ends as soon as nobody can read any more what is written.
    """

    def __init__(self, loop, endpoint, protocol, waiter=None, context=None, notice_end=True):
        self._prepare(loop, endpoint, endpoint._fd, protocol, None)
        if context is not None:
            self._held = context
        self._prepare_writing()
        self._extra = {"pipe": endpoint._pipe}
        self._eof_read = not notice_end
        loop.call_soon(self._start, waiter, context=self._context)

    @property
    def __class__(self):
        return asyncio.WriteTransport

    def __repr__(self):
        writing = "polling" if self._blocked else "idle"
        return f"<{type(self).__name__} {self._describe_state()} fd={self._fd} {writing} bufsize={self._buffer.size}>"

    def write_eof(self):
        """Send what is buffered, then close: a pipe ends by being closed."""
        self.close()

    def can_write_eof(self):
        """The reader sees an end: True."""
        return True

    def _on_readable(self):
        self._eof_read = True
        if not self._endpoint.reader_is_gone():
            # Either nobody will ever read what is there, or there was nothing.
            self._eof_read = self._endpoint.has_input()
            self._update_interest()
            return 0
        if self._state_of_loop._debug:
            logger.info("%r was closed by peer", self)
        error = None
        if self._buffer.size > 0:
            error = BrokenPipeError(errno.EPIPE, "the reader closed the pipe before all was sent")
        self._force_close(error)
        return 0
