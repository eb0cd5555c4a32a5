"""Checks of arguments that connecting and serving have in common; all of them before anything is opened."""

import socket
import sys


def check_tls(ssl, **options):
    """`options` of TLS only make sense with TLS: ValueError. TLS is not there yet: NotImplementedError."""
    for name, value in options.items():
        if value is not None and not ssl:
            raise ValueError(f"{name} is only meaningful with ssl; leave it out, or give ssl=")
    if ssl:
        raise NotImplementedError(
            "this release of tulipa does not have TLS yet: leave ssl= out, "
            "or run the program on the standard loop"
        )


def check_server_tls(ssl, **options):
    """As `check_tls`, for servers, which can't do without a context: TypeError for True and False."""
    if isinstance(ssl, bool):
        raise TypeError(f"ssl argument must be an SSLContext or None, not {ssl!r}")
    check_tls(ssl, **options)


def check_not_tls_socket(sock):
    """Raises TypeError for an SSLSocket, which does its TLS itself and may block."""
    ssl = sys.modules.get("ssl")
    if ssl is not None and isinstance(sock, ssl.SSLSocket):
        raise TypeError("Socket cannot be of type SSLSocket; give the plain socket")


def check_stream_socket(sock):
    """Raises TypeError for an SSLSocket and ValueError for what is no stream socket."""
    check_not_tls_socket(sock)
    if sock.type != socket.SOCK_STREAM:
        raise ValueError(f"a stream socket (SOCK_STREAM) was expected, got {sock!r}")


def check_unix_stream_socket(sock):
    """Raises TypeError for an SSLSocket and ValueError for what is no stream socket of the UNIX family."""
    check_not_tls_socket(sock)
    if sock.family != socket.AF_UNIX or sock.type != socket.SOCK_STREAM:
        raise ValueError(f"a UNIX stream socket (AF_UNIX, SOCK_STREAM) was expected, got {sock!r}")
