"""The writing half of a transport of bytes, the same for streams and pipes."""

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._transports.gathering import GatheringTransport, all_sendable, check_sendable

if not cython.compiled:  # compiled, the .pxd declares them
    from tulipa._drivers.base import READ, WRITE
    from tulipa._transports.buffer import new_write_buffer
    from tulipa._transports.telling import warn_unsent

_WORTH_NO_COPY = 16384


class WritingTransport(GatheringTransport):
    """A transport that bytes can be written to; the subclass says what to do when there is something to read."""

    def _prepare_writing(self):
        """Set every field of this half."""
        self._buffer = new_write_buffer()
        self._prepare_gathering(self._buffer)
        self._eof_asked = False
        self._eof_sent = False
        self._sending_file = False

    def _on_ready(self, happened):
        self._firing = True
        try:
            if happened & READ:
                self._on_readable()
            if happened & WRITE:
                self._on_writable()
        finally:
            self._firing = False
            if self._settle_asked:
                self._on_settle()
        return 0

    def _on_readable(self):
        """There is something to read, or its end."""
        raise NotImplementedError

    def _on_writable(self):
        """The kernel takes more."""
        if self._blocked:
            self._flush()
        return 0

    # -- writing --------------------------------------------------------------------------------------------

    def write(self, data):
        """Send `data` (bytes, bytearray or memoryview) without waiting for it."""
        if type(data) is bytes:
            self._carry(data)
            return
        check_sendable(data)
        if self._accepts(len(data)):
            self._take_memory(data)

    def _carry(self, data):
        """As `write`, for bytes."""
        if self._accepts(len(data)):
            self._buffer.append(data)
            self._after_append()
        return 0

    def _accepts(self, size):
        if self._eof_asked or self._sending_file:
            self._refuse_write()
        if size == 0:
            return False
        if self._closing:
            self._warn_ignored()
            return False
        return True

    def writelines(self, list_of_data):
        """Send every piece of `list_of_data`, in order and together; nothing of it where a piece is refused."""
        pieces = all_sendable(list_of_data)
        if self._closing or self._eof_asked or self._sending_file or len(pieces) < 2:
            self.write(pieces[0] if pieces else b"")
            return
        # All of them before the protocol may hear of a full buffer: it could write in between.
        self._buffer.extend(pieces)
        if self._buffer.size > 0:
            self._after_append()

    def close(self):
        """Send what is buffered, then close; no more data is received."""
        if self._closing:
            return
        if self._buffer.size > 0 and self._state_of_loop._closed:
            warn_unsent(self, self._buffer.size)
            self._force_close(None)
            return
        self._closing = True
        if self._buffer.size == 0:
            self._lose(None)
        else:
            self._update_interest()

    def _refuse_write(self):
        if self._eof_asked:
            raise RuntimeError("Cannot call write() after write_eof()")
        raise RuntimeError("unable to write; sendfile is in progress: await loop.sendfile() first")

    def _take_memory(self, data):
        if len(data) < _WORTH_NO_COPY or self._blocked or self._buffer.size > 0:
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
        if not self._protocol_paused:
            self._after_all_sent()
            return 0
        try:
            self._resume_protocol_if_low()
        finally:
            # Also where KeyboardInterrupt leaves the loop.
            self._after_all_sent()
        return 0

    def _after_all_sent(self):
        """Finish what waited for it; there may be more to send again, if the protocol wrote when it was resumed."""
        if self._buffer.size > 0:
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


def _as_bytes(view):
    return view.cast("B") if view.c_contiguous else memoryview(bytes(view))
