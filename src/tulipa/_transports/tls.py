"""TLS over any transport: to that one a protocol, to the application a transport.

What it knows of TLS is in its machine (`tls_machine`), whose states decide what is done with bytes; what speaks TLS
is the machine's engine (`tls_engine`). Here is how both are driven, and back-pressure in both directions; the rest
of a connection's life is in `tls_life`.

Plaintext is gathered, as a stream gathers its writes, and encrypted when it is to leave: many small writes become
one record and one system call. While the transport below is full it stays here, as plaintext.
"""

from asyncio.constants import _SendfileMode
from asyncio.log import logger

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._core.native import own_methods
from tulipa._transports.buffer import Backlog
from tulipa._transports.gathering import all_sendable, check_sendable
from tulipa._transports.life import Layer
from tulipa._transports.tls_life import READ_HIGH, WRITE_HIGH, TLSLife

if not cython.compiled:  # compiled, the .pxd declares them
    from tulipa._transports.telling import tell_made, tell_writing, warn_ignored, warn_unsent
    from tulipa._transports.tls_machine import (
        CONNECTED,
        DATA,
        ENDED,
        HANDSHAKE,
        NEED_DATA,
        OPEN,
        PEER_DONE,
    )

_RAW_HIGH = 65536
_WORTH_NO_COPY = 4096


class TLSTransport(TLSLife):
    """The application's end of a TLS connection. `attach` gives it the transport that carries the ciphertext.

    `waiter` gets its result when the handshake is complete, or its exception. With `made` the protocol has had its
    connection_made already, from another transport. Raises what SSLContext.wrap_bio raises.
    """

    _start_tls_compatible = True
    _sendfile_compatible = _SendfileMode.FALLBACK

    # -- asyncio.BaseTransport ------------------------------------------------------------------------------

    def close(self):
        """Send what is buffered, say so to the peer (close_notify), wait for its answer, then close.

        The answer is waited for as long as the peer is there, at most ssl_shutdown_timeout; what the peer sends
        instead is dropped. During the handshake it closes at once.
        """
        if self._closing:
            return
        if self._state_of_loop._closed or self._machine.state == HANDSHAKE:
            if self._buffer.size > 0:
                warn_unsent(self, self._buffer.size)
            self._force_close(None)
            return
        self._closing = True
        self._timer = self._loop.call_later(
            self._shutdown_timeout, self._shutdown_timed_out, context=self._context
        )
        self._update_raw_reading()
        if self._buffer.size > 0:
            self._flush()
        else:
            self._shut_down()

    # -- reading --------------------------------------------------------------------------------------------

    def is_reading(self):
        """Whether data is being given to the protocol."""
        return not self._closing and not self._paused

    def pause_reading(self):
        """Give no data to the protocol until `resume_reading`; harmless when paused or closing."""
        if self.is_reading():
            self._paused = True

    def resume_reading(self):
        """Give data to the protocol again; harmless when it is or when closing."""
        if self._closing or not self._paused:
            return
        self._paused = False
        if not self._state_of_loop._closed:
            self._loop.call_soon(self._advance, context=self._context)

    def get_read_buffer_size(self):
        """How many bytes of ciphertext wait for the protocol to resume reading."""
        return self._machine.engine.pending()

    def get_read_buffer_limits(self):
        """(low, high), in bytes."""
        return self._read_low, self._read_high

    def set_read_buffer_limits(self, high=None, low=None):
        """From `high` bytes on that wait no more is read, from `low` on there is again. ValueError."""
        limits = Backlog()
        limits.set_limits(READ_HIGH if high is None and low is None else high, low)
        self._read_high = limits.high
        self._read_low = limits.low
        self._update_raw_reading()

    def _update_raw_reading(self):
        """Have the transport below read on, unless what it read waits here in plenty."""
        if self._raw is None or self._over:
            return 0
        size = self._machine.engine.pending() if self._paused and not self._closing else 0
        if self._raw_paused and size <= self._read_low:
            self._raw_paused = False
            self._raw.resume_reading()
        elif not self._raw_paused and size > 0 and size >= self._read_high:
            self._raw_paused = True
            self._raw.pause_reading()
        return 0

    # -- events of the transport below ------------------------------------------------------------------------

    def connection_made(self, transport):
        """The transport below is connected: shake hands."""
        if self._over or self._machine.state != HANDSHAKE:
            return
        if self._raw is None:
            self.attach(transport)
        self._timer = self._loop.call_later(
            self._handshake_timeout, self._handshake_timed_out, context=self._context
        )
        self._advance()

    def data_received(self, data):
        """Ciphertext has come."""
        self._take_data(bytes(data))

    def eof_received(self):
        """No more ciphertext will come. The transport below stays open until this one closes it."""
        self._machine.feed_eof()
        self._advance()
        return True

    def pause_writing(self):
        """The transport below is full."""
        self._raw_full = True
        self._update_protocol_writing()

    def resume_writing(self):
        """The transport below has room."""
        self._raw_full = False
        self._flush()

    # -- the machine at work ----------------------------------------------------------------------------------

    def _take_data(self, data):
        self._machine.feed(data)
        self._advance()
        return 0

    def _advance(self):
        """Have the machine go on as far as it can, and send what comes of it."""
        if self._advancing or self._over:
            return
        self._advancing = True
        try:
            while self._take_step():
                pass
        except OSError as exc:
            self._fatal_error(exc, "TLS failed")
        except BaseException:
            # Interrupted: nobody else comes for what is left.
            self._loop.call_soon(self._advance, context=self._context)
            raise
        finally:
            self._advancing = False
            self._on_settle()
        self._update_raw_reading()

    def _take_step(self):
        """Act on the machine's next event; False where there is none for now. Raises OSError."""
        machine = self._machine
        if self._over or self._lost or machine.state == PEER_DONE:
            return False
        if machine.state == OPEN:
            if self._paused or self._closing:
                return False
            if self._is_buffered:
                return self._read_into_protocol()
        event = machine.next_event()
        if event == DATA:
            self._give(machine.data)
        elif event == NEED_DATA:
            return False
        elif event == CONNECTED:
            self._connected()
        elif event == ENDED:
            self._peer_ended()
        else:
            if not self._eof_told:
                # As asyncio has it: also when the end comes as the answer to ours.
                self._peer_ended()
            self._close_raw()
            return False
        return True

    def _connected(self):
        self._cancel_timer()
        self._send_output()
        try:
            if not self._made:
                self._made = True
                tell_made(self, self._protocol)
        finally:
            self._wake_waiter(None)
        return 0

    def _give(self, data):
        try:
            if self._sink is not None:
                self._sink._take_data(data)
            else:
                self._protocol.data_received(data)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self._fatal_error(exc, "Fatal error: protocol.data_received() call failed.")
        return 0

    def _read_into_protocol(self):
        if not self._machine.has_input():
            return False
        try:
            buffer = self._protocol.get_buffer(-1)
            if not len(buffer):
                raise RuntimeError("get_buffer() returned an empty buffer; it must have room for a byte at least")
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self._fatal_error(exc, "Fatal error: protocol.get_buffer() call failed.")
            return False
        try:
            event = self._machine.next_event(buffer)
        except (SystemExit, KeyboardInterrupt, OSError):
            raise
        except BaseException as exc:
            self._fatal_error(exc, "Fatal error: protocol.get_buffer() gave no writable buffer.")
            return False
        if event == ENDED:
            self._peer_ended()
            return True
        if event != DATA:
            return False
        try:
            self._protocol.buffer_updated(self._machine.size)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self._fatal_error(exc, "Fatal error: protocol.buffer_updated() call failed.")
        return True

    def _peer_ended(self):
        """The peer sends no more: asyncio's TLS can't be half-closed, so end too."""
        self._eof_told = True
        keep_open = False
        try:
            keep_open = self._protocol.eof_received()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self._fatal_error(exc, "Fatal error: protocol.eof_received() call failed.")
        finally:
            # A layer above closes this transport when it has done what it has to.
            if not (keep_open and isinstance(self._protocol, Layer)):
                if keep_open:
                    logger.warning("returning true from eof_received() has no effect when using ssl: %r closes", self)
                self.close()
        return 0

    def _shut_down(self):
        """All is sent: say so, and close where the peer has said so too."""
        if self._over or self._lost:
            return 0
        try:
            self._machine.shutdown()
        except OSError as exc:
            self._fatal_error(exc, "TLS failed")
            return 0
        self._send_output()
        self._advance()
        return 0

    def _close_raw(self):
        """The timer goes on: the peer may never read what is left."""
        self._send_output()
        self._raw.close()
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
            self._after_append()

    def _carry(self, data):
        if self._accepts(len(data)):
            self._buffer.append(data)
            self._after_append()
        return 0

    def _accepts(self, size):
        if size > 0 and self._closing:
            self._ignored_writes += 1
            warn_ignored(self, self._ignored_writes)
            return False
        return size > 0

    def writelines(self, list_of_data):
        """Send every piece of `list_of_data`, in order and together; nothing of it where a piece is refused."""
        pieces = all_sendable(list_of_data)
        if self._closing or len(pieces) < 2:
            for data in pieces[:1]:
                self.write(data)
            return
        # All of them before the protocol may hear of a full buffer: it could write in between.
        self._buffer.extend(pieces)
        self._after_append()

    def write_eof(self):
        """TLS is not half-closed by asyncio's transports: NotImplementedError."""
        raise NotImplementedError("a TLS transport can't be half-closed; close() it when all is written")

    def can_write_eof(self):
        """Whether it can be half-closed: False."""
        return False

    def get_write_buffer_size(self):
        """How many bytes wait here, as plaintext, or where the transport below is full, there as ciphertext."""
        if self._settle_asked:
            self._flush()
        return self._write_size()

    def get_write_buffer_limits(self):
        """(low, high), in bytes."""
        return self._buffer.low, self._buffer.high

    def set_write_buffer_limits(self, high=None, low=None):
        """Above `high` bytes the protocol is asked to pause writing, at `low` or less to resume. ValueError."""
        self._buffer.set_limits(WRITE_HIGH if high is None and low is None else high, low)
        if self._raw is not None and not self._over:
            self._raw.set_write_buffer_limits(
                high=min(self._buffer.high, _RAW_HIGH), low=min(self._buffer.low, _RAW_HIGH // 4)
            )
        if self._settle_asked:
            self._flush()
        self._update_protocol_writing()

    def _take_memory(self, data):
        """Memory that may change after the call: encrypt it now, or copy it."""
        with memoryview(data) as whole:
            if len(data) < _WORTH_NO_COPY or self._buffer.size > 0 or not self._may_send():
                self._buffer.append(bytes(whole))
                return 0
            with whole.cast("B") if whole.c_contiguous else memoryview(bytes(whole)) as view:
                try:
                    taken = max(self._machine.engine.send(view), 0)
                except OSError as exc:
                    self._fatal_error(exc, "TLS failed")
                    return 0
                # Before anything leaves: the protocol may be paused then, and close the connection.
                if taken < len(view):
                    self._buffer.append(bytes(view[taken:]))
        self._send_output()
        return 0

    def _may_send(self):
        state = self._machine.state
        return (state == OPEN or state == PEER_DONE) and not (self._raw_full or self._over)

    def _after_append(self):
        """Send now what is too much, else when the callback or the turn ends."""
        if self._buffer.size > _RAW_HIGH or self._buffer.size > self._buffer.high:
            self._flush()
        elif self._buffer.size > 0 and not self._settle_asked and not self._raw_full:
            self._settle_asked = True
            if not self._advancing:
                self._state_of_loop.at_end_of_turn(self)
        self._update_protocol_writing()
        return 0

    def _settle(self):
        if not cython.compiled:
            self._context.run(self._on_settle)
            return 0
        PyContext_Enter(self._context)
        try:
            self._on_settle()
        finally:
            PyContext_Exit(self._context)
        return 0

    def _on_settle(self):
        """The callback or the turn ends: what was gathered leaves."""
        if self._settle_asked or self._buffer.size > 0:
            self._flush()
        elif not self._over and self._raw is not None:
            self._send_output()
        return 0

    def _flush(self):
        """Encrypt and send what the transport below takes; when all is sent while closing, shut down."""
        self._settle_asked = False
        buffer = self._buffer
        if buffer.size > 0:
            try:
                while buffer.size > 0 and self._may_send():
                    before = buffer.size
                    buffer.offer(self._machine.engine)
                    if buffer.size == before:
                        break
                    self._send_output()
            except OSError as exc:
                self._fatal_error(exc, "TLS failed")
                return 0
        try:
            self._update_protocol_writing()
        finally:
            if self._closing and buffer.size == 0 and self._machine.state in (OPEN, PEER_DONE):
                self._shut_down()
        return 0

    # -- back-pressure --------------------------------------------------------------------------------------

    def _write_size(self):
        size = self._buffer.size
        return size + self._raw.get_write_buffer_size() if self._raw_full and not self._over else size

    def _update_protocol_writing(self):
        """Have the protocol pause or resume, by what waits."""
        if self._over or not self._made:
            return 0
        if self._protocol_paused:
            if not self._raw_full and self._buffer.size <= self._buffer.low:
                self._tell_protocol(False)
        elif (self._buffer.size > 0 or self._raw_full) and self._write_size() > self._buffer.high:
            self._tell_protocol(True)
        return 0

    def _tell_protocol(self, paused):
        self._protocol_paused = paused
        return tell_writing(self, self._protocol, paused)


own_methods(TLSTransport)
