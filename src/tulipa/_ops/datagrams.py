"""create_datagram_endpoint: from addresses, names or a socket to a datagram transport."""

import functools
import socket

from tulipa._ops.arguments import share_port
from tulipa._ops.connect import bind_error, start_transport
from tulipa._ops.resolve import ensure_resolved
from tulipa._ops.unix import is_file, remove_stale
from tulipa._transports.datagram import DatagramTransport


async def create_datagram_endpoint(
    loop, protocol_factory, local_addr=None, remote_addr=None, *,
    family=0, proto=0, flags=0, reuse_port=None, allow_broadcast=None, sock=None,
):
    """Make a datagram endpoint; gives (transport, protocol), after connection_made.

    It is bound to `local_addr` and connected to `remote_addr`, which are (host, port), or strings with the family
    AF_UNIX: paths, or abstract names with a leading NUL. With `allow_broadcast` it is not connected, `remote_addr`
    is only the address it sends to. A socket that an earlier program left at a UNIX path is replaced; the file stays
    when the endpoint is closed. Or take `sock`, without any of the others. There is no `reuse_address`, as of
    Python 3.11.

    Raises OSError, ValueError and TypeError for wrong arguments.
    """
    options = dict(local_addr=local_addr, remote_addr=remote_addr, family=family, proto=proto, flags=flags,
                   reuse_port=reuse_port, allow_broadcast=allow_broadcast)
    if sock is not None:
        _check_socket(sock, options)
        return await start_transport(loop, sock, protocol_factory, make=DatagramTransport)
    candidates = await _candidates(loop, local_addr, remote_addr, family, proto, flags)
    sock, remote = await _open_any(loop, candidates, reuse_port, allow_broadcast)
    make = functools.partial(DatagramTransport, address=remote)
    return await start_transport(loop, sock, protocol_factory, ours=True, make=make)


def _check_socket(sock, options):
    if sock.type == socket.SOCK_STREAM:
        raise ValueError(f"A datagram socket was expected, got {sock!r}")
    problems = ", ".join(f"{name}={value}" for name, value in options.items() if value)
    if problems:
        raise ValueError(
            f"socket modifier keyword arguments can not be used when sock is specified. ({problems}); "
            "set up the socket itself"
        )


async def _candidates(loop, local_addr, remote_addr, family, proto, flags):
    """What to try, in this order: (family, proto, local address, remote address), None for no address."""
    if not (local_addr or remote_addr):
        if family == 0:
            raise ValueError("unexpected address family; give local_addr, remote_addr or family")
        return [(family, proto, None, None)]
    if family == getattr(socket, "AF_UNIX", None):
        for address in (local_addr, remote_addr):
            if address is not None and not isinstance(address, str):
                raise TypeError(f"string is expected as the address of a UNIX socket, got {address!r}")
        return [(family, proto, local_addr or None, remote_addr or None)]
    return await _resolve_pairs(loop, local_addr, remote_addr, family, proto, flags)


async def _resolve_pairs(loop, local_addr, remote_addr, family, proto, flags):
    """Of each family and protocol, what the names stand for; only where all that were given have an address."""
    pairs = {}
    for place, address in enumerate((local_addr, remote_addr)):
        if address is None:
            continue
        if not (isinstance(address, tuple) and len(address) == 2):
            raise TypeError(f"2-tuple is expected: (host, port), got {address!r}")
        entries = await ensure_resolved(
            loop, address, family=family, type=socket.SOCK_DGRAM, proto=proto, flags=flags
        )
        for entry_family, _, entry_proto, _, resolved in entries:
            pairs.setdefault((entry_family, entry_proto), [None, None])[place] = resolved
    complete = [
        (*key, local, remote)
        for key, (local, remote) in pairs.items()
        if not ((local_addr and local is None) or (remote_addr and remote is None))
    ]
    if not complete:
        raise ValueError(
            f"can not get address information: no family has both {local_addr!r} and {remote_addr!r}; "
            "give addresses of one family"
        )
    return complete


async def _open_any(loop, candidates, reuse_port, allow_broadcast):
    """The first socket that can be set up, and the address that it is to send to."""
    errors = []
    for candidate in candidates:
        try:
            return await _open(loop, *candidate, reuse_port, allow_broadcast)
        except OSError as exc:
            errors.append(exc)
    try:
        raise errors[0]
    finally:
        # They refer to this frame.
        del errors


async def _open(loop, family, proto, local, remote, reuse_port, allow_broadcast):
    sock = socket.socket(family=family, type=socket.SOCK_DGRAM, proto=proto)
    try:
        if reuse_port:
            share_port(sock)
        if allow_broadcast:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.setblocking(False)
        if local is not None:
            _bind(sock, local)
        if remote is not None and not allow_broadcast:
            await loop.sock_connect(sock, remote)
    except BaseException:
        sock.close()
        raise
    return sock, remote


def _bind(sock, address):
    if sock.family == getattr(socket, "AF_UNIX", None) and is_file(address):
        remove_stale(address)
    try:
        sock.bind(address)
    except OSError as exc:
        raise bind_error(exc, address) from None
