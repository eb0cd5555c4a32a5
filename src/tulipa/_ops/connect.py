"""create_connection and connect_accepted_socket: from a name, an address or a socket to a transport."""

import functools
import itertools
import os
import socket

from tulipa._ops.arguments import check_stream_socket
from tulipa._ops.carriers import client_transport, server_transport
from tulipa._ops.race import staggered_race
from tulipa._ops.resolve import ensure_resolved
from tulipa._transports.callbacks import release
from tulipa._transports.stream import StreamTransport


async def create_connection(
    loop, protocol_factory, host=None, port=None, *,
    ssl=None, family=0, proto=0, flags=0, sock=None, local_addr=None, server_hostname=None,
    ssl_handshake_timeout=None, ssl_shutdown_timeout=None,
    happy_eyeballs_delay=None, interleave=None, all_errors=False,
):
    """Connect to `host` and `port`, or take the connected `sock`; gives (transport, protocol).

    The addresses of `host` are tried one after the other; with `happy_eyeballs_delay` in seconds the next one
    is tried beside those before when they take longer, and `interleave` (then 1) has the families take turns
    (RFC 8305). With `ssl` (an SSLContext, or True for the default one) it speaks TLS to a peer that must prove to
    be `server_hostname`, by default `host`; "" has no name checked. Raises OSError, which names each address
    tried, or with `all_errors` an ExceptionGroup of one error for each; ssl.SSLError, which is an OSError;
    ValueError and TypeError for wrong arguments.
    """
    if server_hostname is None and ssl:
        if not host:
            raise ValueError("You must set server_hostname when using ssl without a host")
        server_hostname = host
    make = client_transport(ssl, server_hostname, ssl_handshake_timeout, ssl_shutdown_timeout)
    if sock is not None:
        if host is not None or port is not None:
            raise ValueError("host/port and sock can not be specified at the same time; give one of them")
        check_stream_socket(sock)
        return await start_transport(loop, sock, protocol_factory, make=make)
    if host is None and port is None:
        raise ValueError("host and port was not specified and no sock specified; give one of them")
    if interleave is None and happy_eyeballs_delay is not None:
        interleave = 1
    resolve = functools.partial(ensure_resolved, loop, family=family, proto=proto, flags=flags)
    remote = await resolve((host, port))
    local = None if local_addr is None else await resolve(local_addr)
    if interleave:
        remote = interleave_families(remote, interleave)
    sock = await _connect_to_any(loop, remote, local, happy_eyeballs_delay, all_errors)
    return await start_transport(loop, sock, protocol_factory, ours=True, make=make)


async def connect_accepted_socket(
    loop, protocol_factory, sock, *, ssl=None, ssl_handshake_timeout=None, ssl_shutdown_timeout=None
):
    """Make a transport of a connection that something else has accepted; gives (transport, protocol).

    With `ssl` (an SSLContext) it is the server of a TLS connection. Raises ssl.SSLError; ValueError and TypeError for
    wrong arguments.
    """
    make = server_transport(ssl, ssl_handshake_timeout, ssl_shutdown_timeout)
    check_stream_socket(sock)
    return await start_transport(loop, sock, protocol_factory, make=make)


async def start_transport(loop, sock, protocol_factory, *, ours=False, make=StreamTransport):
    """A transport and protocol for `sock`, after connection_made; `make` is what makes the transport.

    What fails before there is a transport leaves the socket to the caller; where it is `ours` it is closed.
    """
    try:
        sock.setblocking(False)
        release(loop, sock.fileno())
        protocol = protocol_factory()
        waiter = loop.create_future()
        transport = make(loop, sock, protocol, waiter=waiter)
    except BaseException:
        if ours:
            sock.close()
        raise
    try:
        await waiter
    except BaseException:
        transport.close()
        raise
    return transport, protocol


async def _connect_to_any(loop, remote, local, delay, all_errors):
    """The socket of the first address that can be connected to."""
    overcome = []
    attempts = [functools.partial(_connect_one, loop, entry, local, overcome) for entry in remote]
    if delay is None:
        sock, errors = await _one_after_the_other(attempts)
    else:
        sock, errors = await staggered_race(attempts, delay, socket.socket.close)
    if sock is not None:
        return sock
    try:
        raise _sum_up(overcome + errors, all_errors)
    finally:
        # They refer to this frame.
        overcome = errors = None


async def _one_after_the_other(attempts):
    """(socket, []) or (None, errors)."""
    errors = []
    for attempt in attempts:
        try:
            return await attempt(), []
        except OSError as exc:
            errors.append(exc)
    return None, errors


async def _connect_one(loop, entry, local, overcome):
    """A socket connected to one entry of getaddrinfo, bound to one of `local`. Raises OSError.

    `overcome` gets the errors of those of `local` that could not be bound.
    """
    family, kind, proto, _, address = entry
    sock = socket.socket(family=family, type=kind, proto=proto)
    try:
        sock.setblocking(False)
        if local is not None:
            _bind_to_any(sock, local, overcome)
        await loop.sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


def _bind_to_any(sock, local, overcome):
    errors = []
    for family, _, _, _, address in local:
        if family != sock.family:
            continue
        try:
            sock.bind(address)
        except OSError as exc:
            errors.append(bind_error(exc, address))
        else:
            overcome += errors
            return
    overcome += errors[:-1]
    raise errors[-1] if errors else OSError(
        f"local_addr has no {sock.family.name} address, as the remote host has; give one, or restrict family="
    )


def bind_error(error, address):
    """The OSError with the address that could not be bound in its text."""
    if error.errno is not None:
        error.strerror = f"cannot bind to {address!r}: {error.strerror or os.strerror(error.errno)}"
    return error


def _sum_up(errors, all_errors):
    """One exception for all that was tried."""
    if all_errors:
        return ExceptionGroup("create_connection failed", errors)
    different = {str(error): error for error in errors}
    if len(different) == 1 or not all(isinstance(error, OSError) for error in errors):
        return errors[0]
    message = f"Multiple exceptions: {', '.join(different)}"
    numbers = {error.errno for error in errors} - {None}
    return OSError(numbers.pop(), message) if len(numbers) == 1 else OSError(message)


def interleave_families(entries, first_count):
    """`entries` of getaddrinfo with the families taking turns, after `first_count` of the first family."""
    families = {}
    for entry in entries:
        families.setdefault(entry[0], []).append(entry)
    first, *others = families.values()
    head, tail = first[: first_count - 1], first[first_count - 1 :]
    turns = itertools.chain.from_iterable(itertools.zip_longest(tail, *others))
    return head + [entry for entry in turns if entry is not None]
