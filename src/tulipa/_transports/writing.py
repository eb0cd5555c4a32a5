"""The writing half of a transport, the same for streams and pipes: gathering, flow control, the end of writing."""

from asyncio.log import logger

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._transports.base import Transport
from tulipa._transports.buffer import WriteBuffer

if not cython.compiled:  # compiled, the .pxd declares them
    from tulipa._drivers.base import READ, WRITE

_IGNORED_WRITES_TO_WARN = 5
_WORTH_NO_COPY = 16384


class WritingTransport(Transport):
    """A transport that bytes can be written to; the subclass says what to do when there is something to read.

    Writes are gathered and leave at the end of the protocol callback that made them, or of the loop's turn: one
    system call for all, at once where the high-water mark would be passed. What the kernel refuses waits.
    """

    def _prepare_writing(self):
        """Set every field of this half."""
        self._buffer = WriteBuffer()
        self._eof_asked = False
        self._eof_sent = False
        self._firing = False
        self._settle_asked = False
        self._protocol_paused = False
        self._ignored_writes = 0

    def _on_ready(self, happened):
        self._firing = True
        try:
            if happened & READ:
                self._on_readable()
            if happened & WRITE and self._blocked:
                self._flush()
        finally:
            self._firing = False
            if self._settle_asked:
                self._on_settle()
        return 0

    def _on_readable(self):
        """There is something to read, or its end."""
        raise NotImplementedError

    # -- writing --------------------------------------------------------------------------------------------

    def write(self, data):
        """Send `data` (bytes, bytearray or memoryview) without waiting for it."""
        if type(data) is not bytes:
            _check_sendable(data)
        if self._eof_asked:
            raise RuntimeError("Cannot call write() after write_eof()")
        if not data:
            return
        if self._closing:
            self._warn_ignored()
            return
        self._take(data)

    def writelines(self, list_of_data):
        """Send every piece of `list_of_data`, in order and together; nothing of it where a piece is refused."""
        pieces = list(list_of_data)
        for data in pieces:
            _check_sendable(data)
        for data in pieces:
            self.write(data)

    def get_write_buffer_size(self):
        """How many bytes the kernel has not taken."""
        if self._settle_asked and not self._blocked:
            self._flush()
        return self._buffer.size

    def get_write_buffer_limits(self):
        """(low, high), in bytes."""
        return self._buffer.low, self._buffer.high

    def set_write_buffer_limits(self, high=None, low=None):
        """Above `high` bytes the protocol is asked to pause writing, at `low` or less to resume. ValueError."""
        self._buffer.set_limits(high, low)
        if self._settle_asked and not self._blocked:
            self._flush()
        self._pause_protocol_if_full()

    def close(self):
        """Send what is buffered, then close; no more data is received."""
        if self._closing:
            return
        self._closing = True
        if self._buffer.size == 0:
            self._lose(None)
        else:
            self._update_interest()

    def _take(self, data):
        if type(data) is bytes:
            self._buffer.append(data)
        elif len(data) < _WORTH_NO_COPY or self._blocked or self._buffer.size > 0:
            self._buffer.append(bytes(data))
        else:
            self._offer_large(data)
            if self._lost or self._buffer.size == 0:
                return 0
        self._after_append()
        return 0

    def _offer_large(self, data):
        """Memory that may change after the call: what the kernel takes at once is never copied."""
        # Let go of at the end: an error that is kept must not keep the memory locked.
        with memoryview(data) as whole, _as_bytes(whole) as view:
            try:
                taken = max(self._endpoint.send(view), 0)
            except OSError as exc:
                self._fatal_error(exc, "Fatal write error on transport")
                return 0
            with view[taken:] as left:
                rest = bytes(left)
        if rest:
            self._buffer.append(rest)
            self._blocked = True
            self._update_interest()
        return 0

    def _after_append(self):
        """Send now if the buffer is too full, else when the callback or the turn ends."""
        if not self._blocked:
            if self._buffer.size > self._buffer.high:
                self._flush()
            elif not self._settle_asked:
                self._settle_asked = True
                if not self._firing:
                    self._state_of_loop.at_end_of_turn(self)
        if self._buffer.size > self._buffer.high:
            self._pause_protocol_if_full()
        return 0

    def _on_settle(self):
        asked = self._settle_asked
        self._settle_asked = False
        if asked and not self._blocked:
            self._flush()
        return 0

    def _flush(self):
        """Offer the buffer to the kernel; when it refuses, wait for readiness."""
        if self._lost or self._buffer.size == 0:
            return 0
        try:
            while self._buffer.size > 0 and self._buffer.offer(self._endpoint):
                pass
        except OSError as exc:
            self._fatal_error(exc, "Fatal write error on transport")
            return 0
        if self._buffer.size > 0:
            self._blocked = True
            self._update_interest()
            self._resume_protocol_if_low()
            return 0
        if self._blocked:
            self._blocked = False
            self._update_interest()
        if self._protocol_paused:
            self._resume_protocol_if_low()
            if self._buffer.size > 0:
                # The protocol wrote more when it was resumed.
                return 0
        if self._closing:
            self._lose(None)
        elif self._eof_asked:
            self._finish()
        return 0

    def _finish(self):
        """Nothing more is written, and all is sent: tell the peer."""
        raise NotImplementedError

    def _forget_unsent(self):
        """At an abort: what was only gathered gets its one chance, what the kernel refused is dropped."""
        if self._settle_asked and not self._blocked and self._buffer.size > 0:
            try:
                self._buffer.offer(self._endpoint)
            except OSError:
                # The connection is gone, which is what an abort is for.
                pass
        self._buffer.clear()
        self._blocked = False
        return 0

    def _warn_ignored(self):
        self._ignored_writes += 1
        if self._ignored_writes == _IGNORED_WRITES_TO_WARN:
            logger.warning("writing to %r, which is closed: check is_closing(), or await drain()", self)
        return 0

    # -- back-pressure --------------------------------------------------------------------------------------

    def _pause_protocol_if_full(self):
        if self._protocol_paused or self._buffer.size <= self._buffer.high:
            return 0
        self._protocol_paused = True
        try:
            self._protocol.pause_writing()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self._report(exc, "protocol.pause_writing() failed")
        return 0

    def _resume_protocol_if_low(self):
        if not self._protocol_paused or self._buffer.size > self._buffer.low:
            return 0
        self._protocol_paused = False
        try:
            self._protocol.resume_writing()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self._report(exc, "protocol.resume_writing() failed")
        return 0


def _check_sendable(data):
    if not isinstance(data, (bytes, bytearray, memoryview)):
        hint = "; encode it first: write(text.encode())" if isinstance(data, str) else ""
        raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}{hint}")


def _as_bytes(view):
    return view.cast("B") if view.c_contiguous else memoryview(bytes(view))
