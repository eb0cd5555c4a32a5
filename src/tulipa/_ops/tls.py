"""start_tls, and what ssl= of connecting and serving leads to: from arguments to a TLS transport."""

from tulipa._ops.carriers import check_tls, ssl_module
from tulipa._transports.stream import StreamTransport
from tulipa._transports.tls import TLSTransport
from tulipa._transports.tls_life import HANDSHAKE_TIMEOUT, SHUTDOWN_TIMEOUT, TLSLife


class TLSSettings:
    """What TLS is to be like on one connection, or on all of a server's. `context` None: the default for clients."""

    def __init__(self, context, *, server_side, server_hostname=None,
                 handshake_timeout=None, shutdown_timeout=None):
        if context is None:
            context = ssl_module.create_default_context()
            if not server_hostname:
                context.check_hostname = False
        self._context = context
        self._options = {
            "server_side": server_side,
            "server_hostname": None if server_side else server_hostname or None,
            "handshake_timeout": HANDSHAKE_TIMEOUT if handshake_timeout is None else handshake_timeout,
            "shutdown_timeout": SHUTDOWN_TIMEOUT if shutdown_timeout is None else shutdown_timeout,
        }

    def layer(self, loop, protocol, waiter=None):
        """A TLS transport, not attached yet to one that carries it. Raises what SSLContext.wrap_bio raises."""
        return TLSTransport(loop, protocol, self._context, waiter, **self._options)

    def open(self, loop, sock, protocol, waiter=None, extra=None):
        """A TLS transport over a stream transport that owns `sock`. Raises as `layer`."""
        transport = self.layer(loop, protocol, waiter)
        transport.attach(StreamTransport(loop, sock, transport, None, extra))
        return transport

    def take_over(self, loop, raw, protocol, waiter):
        """A TLS transport between `raw` and its `protocol`, which is connected already. Raises as `open`."""
        transport = TLSTransport(loop, protocol, self._context, waiter, made=True, **self._options)
        transport.attach(raw)
        return transport


async def start_tls(
    loop, transport, protocol, sslcontext, *,
    server_side=False, server_hostname=None, ssl_handshake_timeout=None, ssl_shutdown_timeout=None,
):
    """Speak TLS from now on over the connected `transport`; gives the transport that `protocol` is to use instead.

    `protocol` keeps getting the events, without another connection_made. What a server's StreamReader has
    buffered already belongs to the handshake. The old transport must not be used any more; where TLS can't be
    had it is closed. Raises OSError (ssl.SSLError included) for a handshake that fails, ValueError and TypeError
    for wrong arguments, RuntimeError where TLS is spoken over it already.
    """
    if ssl_module is None:
        raise RuntimeError("this Python was built without its ssl module, so there is no TLS")
    if not isinstance(sslcontext, ssl_module.SSLContext):
        raise TypeError(f"sslcontext is expected to be an instance of ssl.SSLContext, got {sslcontext!r}")
    if not getattr(transport, "_start_tls_compatible", False):
        raise TypeError(f"transport {transport!r} is not supported by start_tls(); it takes stream transports")
    if transport.is_closing():
        raise ConnectionAbortedError(f"transport {transport!r} is closed, so TLS can't be started on it")
    if isinstance(transport.get_protocol(), TLSLife):
        raise RuntimeError(f"TLS is spoken over {transport!r} already; use the transport that start_tls() gives")
    check_tls(sslcontext, ssl_handshake_timeout=ssl_handshake_timeout, ssl_shutdown_timeout=ssl_shutdown_timeout)
    settings = TLSSettings(sslcontext, server_side=server_side, server_hostname=server_hostname,
                           handshake_timeout=ssl_handshake_timeout, shutdown_timeout=ssl_shutdown_timeout)
    waiter = loop.create_future()
    tls = settings.take_over(loop, transport, protocol, waiter)
    # Nothing may come in before the handshake has begun.
    transport.pause_reading()
    early = _take_buffered(protocol) if server_side else b""
    transport.set_protocol(tls)
    begin = loop.call_soon(_begin, tls, transport, early)
    go_on = loop.call_soon(transport.resume_reading)
    try:
        await waiter
    except BaseException:
        transport.close()
        begin.cancel()
        go_on.cancel()
        raise
    return tls


def _begin(tls, raw, early):
    tls.connection_made(raw)
    if early:
        tls.data_received(early)


def _take_buffered(protocol):
    """The bytes in the StreamReader of `protocol`, if it has one: what the peer sent right behind its plaintext."""
    reader = getattr(protocol, "_stream_reader", None)
    buffer = getattr(reader, "_buffer", None)
    if not isinstance(buffer, bytearray):
        return b""
    data = bytes(buffer)
    buffer.clear()
    return data
