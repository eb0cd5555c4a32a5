"""The life of a TLS connection, as of `TLSTransport`: what carries it, who waits for it, its timers, its end."""

import asyncio
from asyncio import BufferedProtocol

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._transports.buffer import WriteBuffer
from tulipa._transports.life import Layer
from tulipa._transports.tls_engines import make_engine
from tulipa._transports.tls_machine import TLSMachine

if not cython.compiled:  # compiled, the .pxd declares them
    from tulipa._core.contexts import current_context
    from tulipa._transports.carrying import carry, is_ending
    from tulipa._transports.life import sink_of
    from tulipa._transports.telling import report, report_fatal

HANDSHAKE_TIMEOUT = 60.0
SHUTDOWN_TIMEOUT = 30.0
WRITE_HIGH = 524288
READ_HIGH = 262144


class _SSLTransport(asyncio.Transport):
    """What a TLS transport is an instance of; 'ssl' is what programs look for in the name of its class."""


class TLSLife(Layer):
    """What of a TLS transport is neither reading nor writing."""

    def __init__(self, loop, protocol, context, waiter=None, *, server_side=False, server_hostname=None, made=False,
                 handshake_timeout=HANDSHAKE_TIMEOUT, shutdown_timeout=SHUTDOWN_TIMEOUT):
        if cython.compiled:
            forget_dict(self)  # as of Transport
        self._next = None
        self._loop = loop
        self._state_of_loop = loop
        self._context = current_context()
        self._ssl_context = context
        self._machine = TLSMachine(make_engine(context, server_side, server_hostname))
        self._waiter = waiter
        self._timer = None
        self._handshake_timeout = handshake_timeout
        self._shutdown_timeout = shutdown_timeout
        self._raw = None
        self._made = made
        self._closing = False
        self._lost = False
        self._over = False
        self._error = None
        self._advancing = False
        self._eof_told = False
        self._paused = False
        self._read_high = READ_HIGH
        self._read_low = READ_HIGH // 4
        self._raw_paused = False
        self._buffer = WriteBuffer()
        self._buffer.set_limits(WRITE_HIGH, None)
        self._raw_full = False
        self._protocol_paused = False
        self._settle_asked = False
        self._ignored_writes = 0
        self._take_protocol(protocol)

    def attach(self, raw):
        """Carry the ciphertext by the transport `raw`, whose protocol this is or will be."""
        self._raw = raw
        # Whoever had this transport before may have filled it, and been told so.
        self._raw_full = getattr(raw, "_protocol_paused", False)
        self._protocol_paused = self._raw_full

    def _take_protocol(self, protocol):
        self._protocol = protocol
        self._sink = sink_of(protocol)
        self._is_buffered = isinstance(protocol, BufferedProtocol)

    @property
    def __class__(self):
        # As of StreamTransport.
        return _SSLTransport

    def __repr__(self):
        state = ("handshaking", "open", "ending", "shutting down", "closed")[self._machine.state]
        return f"<{type(self).__name__} {state} bufsize={self._buffer.size} over {self._raw!r}>"

    # -- asyncio.BaseTransport ------------------------------------------------------------------------------

    def get_extra_info(self, name, default=None):
        """'sslcontext'; after the handshake 'ssl_object', 'peercert', 'cipher', 'compression'; else what the
        transport below knows: 'socket', 'peername' …; `default` for what is not known."""
        if name == "sslcontext":
            return self._ssl_context
        if name in ("ssl_object", "peercert", "cipher", "compression"):
            if not self._machine.connected:
                return default
            ssl_object = self._machine.engine.ssl_object
            if name == "ssl_object":
                return ssl_object
            return ssl_object.getpeercert() if name == "peercert" else getattr(ssl_object, name)()
        return default if self._raw is None else self._raw.get_extra_info(name, default)

    def set_protocol(self, protocol):
        """Give all further events to `protocol`."""
        self._take_protocol(protocol)

    def get_protocol(self):
        """The protocol that gets the events."""
        return self._protocol

    def is_closing(self):
        """Whether it is closed or about to be."""
        return self._is_ending()

    def _is_ending(self):
        return self._closing or (self._raw is not None and is_ending(self._raw))

    def abort(self):
        """Close at once, without a word to the peer and without sending what is buffered."""
        self._force_close(None)

    # -- who waits, and for how long --------------------------------------------------------------------------

    def _handshake_timed_out(self):
        self._timer = None
        self._fatal_error(
            ConnectionAbortedError(
                f"SSL handshake is taking longer than {self._handshake_timeout} seconds: aborting the connection; "
                "does the peer speak TLS on this port? ssl_handshake_timeout allows more"
            ),
            "TLS handshake timed out",
        )

    def _shutdown_timed_out(self):
        self._timer = None
        self._force_close(TimeoutError("SSL shutdown timed out: the peer did not answer close_notify"))

    def _cancel_timer(self):
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return 0

    def _wake_waiter(self, exc):
        waiter = self._waiter
        self._waiter = None
        if waiter is not None and not waiter.done():
            if exc is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(exc)
        return 0

    # -- the end --------------------------------------------------------------------------------------------

    def connection_lost(self, exc):
        """The transport below is gone."""
        if self._over:
            return
        self._over = True
        self._closing = True
        self._cancel_timer()
        self._buffer.clear()
        if self._error is not None:
            exc = self._error
            # It may refer to frames that refer to us.
            self._error = None
        failure = exc or ConnectionAbortedError("the connection was closed during the TLS handshake")
        if not self._made and self._waiter is None and self._state_of_loop._debug:
            # A server's: nobody awaits it. What any stranger can cause is told in debug mode only.
            report(self, failure, "TLS handshake of an incoming connection failed")
        self._wake_waiter(failure)
        protocol = self._protocol
        self._protocol = None
        self._sink = None
        if self._made:
            protocol.connection_lost(exc)

    def _fatal_error(self, exc, message):
        """Report what the protocol did, and end."""
        report_fatal(self, exc, message, self._state_of_loop._debug)
        self._force_close(exc)

    def _force_close(self, exc):
        """End at once; `exc` is for connection_lost."""
        if self._over or self._lost:
            return
        self._closing = True
        self._lost = True
        self._error = exc
        self._cancel_timer()
        self._buffer.clear()
        if self._raw is not None:
            # The alert, where there is one.
            self._send_output()
            self._raw.abort()

    def _send_output(self):
        output = self._machine.output()
        if output:
            carry(self._raw, output)
        return 0
