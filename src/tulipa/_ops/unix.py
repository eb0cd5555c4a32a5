"""create_unix_connection and create_unix_server: streams between processes of one machine."""

import errno
import functools
import os
import socket
import stat
from asyncio.log import logger

from tulipa._ops.arguments import check_server_ssl, check_unix_stream_socket
from tulipa._ops.carriers import client_transport, server_settings
from tulipa._ops.connect import start_transport
from tulipa._ops.serve import make_server


async def create_unix_connection(
    loop, protocol_factory, path=None, *,
    ssl=None, sock=None, server_hostname=None, ssl_handshake_timeout=None, ssl_shutdown_timeout=None,
):
    """Connect to the UNIX socket at `path` (str, bytes, path-like; a leading NUL: an abstract name), or take
    the connected `sock`; gives (transport, protocol).

    Raises OSError, which names the path; ValueError and TypeError for wrong arguments.
    """
    if ssl and server_hostname is None:
        raise ValueError("you have to pass server_hostname when using ssl")
    make = client_transport(ssl, server_hostname, ssl_handshake_timeout, ssl_shutdown_timeout)
    _check_path_or_sock(path, sock, "no path and sock were specified; give one of them")
    if sock is not None:
        return await start_transport(loop, sock, protocol_factory, make=make)
    path = os.fspath(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await loop.sock_connect(sock, path)
    except BaseException:
        sock.close()
        raise
    return await start_transport(loop, sock, protocol_factory, ours=True, make=make)


async def create_unix_server(
    loop, protocol_factory, path=None, *,
    sock=None, backlog=100, ssl=None, ssl_handshake_timeout=None, ssl_shutdown_timeout=None,
    start_serving=True, cleanup_socket=True,
):
    """Serve connections to the UNIX socket at `path` (as of create_unix_connection), or to the bound `sock`;
    gives a Server, which owns the socket.

    A socket that an earlier server left at `path` is replaced; with `cleanup_socket` it is removed when the
    server is closed. Raises OSError, which names the path; ValueError and TypeError for wrong arguments.
    """
    check_server_ssl(ssl)
    tls = ssl, ssl_handshake_timeout, ssl_shutdown_timeout
    server_settings(*tls)  # says what is wrong with it before anything is bound
    _check_path_or_sock(path, sock, "path was not specified, and no sock specified; give one of them")
    if sock is None:
        sock = _bind(os.fspath(path))
    cleanup = _remover(sock.getsockname()) if cleanup_socket else None
    return make_server(loop, [sock], protocol_factory, backlog, start_serving, tls, cleanup)


def _check_path_or_sock(path, sock, missing):
    if not hasattr(socket, "AF_UNIX"):
        raise NotImplementedError("this platform has no UNIX sockets; use TCP on the loopback: 127.0.0.1")
    if path is not None and sock is not None:
        raise ValueError("path and sock can not be specified at the same time; give one of them")
    if path is None and sock is None:
        raise ValueError(missing)
    if sock is not None:
        check_unix_stream_socket(sock)


def _bind(path):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if is_file(path):
            remove_stale(path)
        sock.bind(path)
    except BaseException as exc:
        sock.close()
        if isinstance(exc, OSError) and exc.errno is not None:
            raise _bind_error(exc.errno, path) from None
        raise
    return sock


def is_file(path):
    """Whether it names a file; if not it is abstract, or empty, which has Linux choose an abstract name."""
    return path[:1] not in ("\0", b"\0", "", b"")


def remove_stale(path):
    """Remove a socket that an earlier program left at `path`."""
    try:
        if stat.S_ISSOCK(os.stat(path).st_mode):
            os.remove(path)
    except FileNotFoundError:
        pass
    except OSError as exc:
        # The directory may let us make files, not look or remove: what matters is whether bind works.
        logger.error("Unable to check or remove stale UNIX socket %r: %r", path, exc)


def _bind_error(number, path):
    if number == errno.EADDRINUSE:
        message = f"Address {path!r} is already in use; remove what is there, or choose another path"
    else:
        message = f"{os.strerror(number)} (binding to {path!r})"
    return OSError(number, message)


def _remover(path):
    """A function that removes the socket file, provided that it is still the one that is there now."""
    if not is_file(path):
        return None
    try:
        inode = os.stat(path).st_ino
    except FileNotFoundError:
        return None
    return functools.partial(_remove_own, path, inode)


def _remove_own(path, inode):
    try:
        if os.stat(path).st_ino == inode:
            os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError as exc:
        logger.error("Unable to clean up listening UNIX socket %r: %r", path, exc)
