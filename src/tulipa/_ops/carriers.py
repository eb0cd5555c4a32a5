"""What makes a connection's transport: a plain stream or, with ssl=, one that speaks TLS, whose modules come then."""

try:
    import ssl as ssl_module
except ImportError:  # a Python without it has no TLS
    ssl_module = None  # type: ignore[assignment]

from tulipa._transports.stream import StreamTransport


def client_transport(ssl, server_hostname, handshake_timeout, shutdown_timeout):
    """What makes the transport: StreamTransport, or with `ssl` one that speaks TLS over it.

    Raises ValueError and TypeError for wrong arguments.
    """
    check_tls(ssl, server_hostname=server_hostname,
              ssl_handshake_timeout=handshake_timeout, ssl_shutdown_timeout=shutdown_timeout)
    if not ssl:
        return StreamTransport
    from tulipa._ops.tls import TLSSettings

    settings = TLSSettings(None if ssl is True else ssl, server_side=False, server_hostname=server_hostname,
                           handshake_timeout=handshake_timeout, shutdown_timeout=shutdown_timeout)
    return settings.open


def server_transport(ssl, handshake_timeout, shutdown_timeout):
    """As `client_transport`, for one connection of a server."""
    settings = server_settings(ssl, handshake_timeout, shutdown_timeout)
    return StreamTransport if settings is None else settings.open


def server_settings(ssl, handshake_timeout, shutdown_timeout):
    """TLSSettings of a server, None without `ssl`; it can't do without a context: ValueError for True.

    Raises as `client_transport`.
    """
    check_tls(ssl, ssl_handshake_timeout=handshake_timeout, ssl_shutdown_timeout=shutdown_timeout)
    if ssl is True:
        raise ValueError("Server side SSL needs a valid SSLContext, with a certificate; ssl=True is for clients")
    if not ssl:
        return None
    from tulipa._ops.tls import TLSSettings

    return TLSSettings(ssl, server_side=True, handshake_timeout=handshake_timeout, shutdown_timeout=shutdown_timeout)


def check_tls(ssl, **options):
    """`options` of TLS only make sense with TLS."""
    for name, value in options.items():
        if value is None:
            continue
        if not ssl:
            raise ValueError(f"{name} is only meaningful with ssl; leave it out, or give ssl=")
        if name != "server_hostname" and not value > 0:
            raise ValueError(f"{name} should be a positive number, got {value!r}; None is the default")
    if ssl and ssl_module is None:
        raise RuntimeError("this Python was built without its ssl module, so there is no TLS")
    if ssl and ssl is not True and not hasattr(ssl, "wrap_bio"):
        raise TypeError(f"ssl argument must be an SSLContext, True (for clients) or None, not {ssl!r}")
