"""What transports that gather have in common: when what was gathered leaves, back-pressure, writes after the end."""

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._transports.life import Transport

if not cython.compiled:  # compiled, the .pxd declares them
    from tulipa._transports.telling import tell_writing, warn_ignored


class GatheringTransport(Transport):
    """A transport that gathers what it is given to send; the subclass says how it is sent.

    It leaves at the end of the protocol callback that gave it, or of the loop's turn: one system call for all, at
    once where the high-water mark would be passed. What the kernel refuses waits.
    """

    def _prepare_gathering(self, backlog):
        """Set every field of this part; `backlog` is where the subclass puts what was not sent."""
        self._backlog = backlog
        self._firing = False
        self._settle_asked = False
        self._protocol_paused = False
        self._ignored_writes = 0

    def _flush(self):
        """Offer what was gathered to the kernel; when it refuses, wait for readiness."""
        raise NotImplementedError

    def _after_append(self):
        """Send now if the buffer is too full, else when the callback or the turn ends."""
        if not self._blocked:
            if self._backlog.size > self._backlog.high:
                self._flush()
            elif not self._settle_asked:
                self._settle_asked = True
                if not self._firing:
                    self._state_of_loop.at_end_of_turn(self)
        if self._backlog.size > self._backlog.high:
            self._pause_protocol_if_full()
        return 0

    def _on_settle(self):
        asked = self._settle_asked
        self._settle_asked = False
        if asked and not self._blocked:
            self._flush()
        return 0

    # -- asyncio.WriteTransport ------------------------------------------------------------------------------

    def get_write_buffer_size(self):
        """How many bytes the kernel has not taken."""
        if self._settle_asked and not self._blocked:
            self._flush()
        return self._backlog.size

    def get_write_buffer_limits(self):
        """(low, high), in bytes."""
        return self._backlog.low, self._backlog.high

    def set_write_buffer_limits(self, high=None, low=None):
        """Above `high` bytes the protocol is asked to pause writing, at `low` or less to resume. ValueError."""
        self._backlog.set_limits(high, low)
        if self._settle_asked and not self._blocked:
            self._flush()
        self._pause_protocol_if_full()

    def _warn_ignored(self):
        self._ignored_writes += 1
        return warn_ignored(self, self._ignored_writes)

    # -- back-pressure --------------------------------------------------------------------------------------

    def _pause_protocol_if_full(self):
        if self._protocol_paused or self._backlog.size <= self._backlog.high:
            return 0
        self._protocol_paused = True
        return tell_writing(self, self._protocol, True)

    def _resume_protocol_if_low(self):
        if not self._protocol_paused or self._backlog.size > self._backlog.low:
            return 0
        self._protocol_paused = False
        return tell_writing(self, self._protocol, False)


def all_sendable(list_of_data):
    """A list or tuple of it; TypeError where a piece can't be sent."""
    pieces = list_of_data if type(list_of_data) in (tuple, list) else list(list_of_data)
    for data in pieces:
        if type(data) is not bytes:
            check_sendable(data)
    return pieces


def check_sendable(data):
    """TypeError for what is no bytes, bytearray or memoryview."""
    if not isinstance(data, (bytes, bytearray, memoryview)):
        hint = "; encode it first: text.encode()" if isinstance(data, str) else ""
        raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}{hint}")
