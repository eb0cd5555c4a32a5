"""Checks of arguments that connecting and serving have in common; before anything is opened, as far as that goes."""

import os
import socket

from tulipa._transports.socket_calls import check_not_tls_socket


def check_server_ssl(ssl):
    """A server needs an SSLContext for TLS: TypeError for True and False."""
    if isinstance(ssl, bool):
        raise TypeError(f"ssl argument must be an SSLContext or None, not {ssl!r}")


def check_stream_socket(sock):
    """Raises TypeError for an SSLSocket and ValueError for what is no stream socket."""
    check_not_tls_socket(sock)
    if sock.type != socket.SOCK_STREAM:
        raise ValueError(f"A Stream Socket was expected (SOCK_STREAM), got {sock!r}")


def check_unix_stream_socket(sock):
    """Raises TypeError for an SSLSocket and ValueError for what is no stream socket of the UNIX family."""
    check_not_tls_socket(sock)
    if sock.family != socket.AF_UNIX or sock.type != socket.SOCK_STREAM:
        raise ValueError(f"A UNIX Domain Stream Socket was expected (AF_UNIX, SOCK_STREAM), got {sock!r}")


def share_port(sock):
    """Let others bind to the same port (`reuse_port`). Raises ValueError where the system can't."""
    if not hasattr(socket, "SO_REUSEPORT"):
        raise ValueError("reuse_port not supported by socket module; leave it out on this platform")
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, True)
    except OSError as exc:
        raise ValueError(
            f"reuse_port not supported by this system for {sock.family.name} ({os.strerror(exc.errno)}); leave it out"
        ) from None
