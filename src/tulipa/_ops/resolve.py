"""Names to addresses and back. What is numeric already is answered at once, anything else in a thread."""

import socket


async def getaddrinfo(loop, host, port, *, family=0, type=0, proto=0, flags=0):
    """As socket.getaddrinfo, without blocking the loop. Raises socket.gaierror."""
    if _is_numeric_host(host) and _as_port(port) is not None:
        # Nothing to look up: the C library only parses.
        return socket.getaddrinfo(host, port, family, type, proto, flags)
    return await loop.run_in_executor(None, socket.getaddrinfo, host, port, family, type, proto, flags)


async def getnameinfo(loop, sockaddr, flags=0):
    """As socket.getnameinfo, without blocking the loop. Raises socket.gaierror."""
    only_format = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    if flags & only_format == only_format and _is_numeric_host(sockaddr[0]):
        return socket.getnameinfo(sockaddr, flags)
    return await loop.run_in_executor(None, socket.getnameinfo, sockaddr, flags)


async def ensure_resolved(loop, address, *, family=0, type=socket.SOCK_STREAM, proto=0, flags=0):
    """The entries of getaddrinfo for a (host, port) address, without asking where it is numeric.

    Raises OSError where there is none.
    """
    host, port = address[:2]
    entry = _numeric_entry(host, port, family, type, proto, *address[2:])
    if entry is not None:
        return [entry]
    entries = await loop.getaddrinfo(host, port, family=family, type=type, proto=proto, flags=flags)
    if not entries:
        raise OSError(f"getaddrinfo() returned an empty list: {host!r} has no address for port {port!r}")
    return entries


def _numeric_entry(host, port, family, type, proto, flowinfo=0, scope_id=0):
    """What getaddrinfo would answer for a numeric address, without calling it; None where that takes more."""
    own_proto = {socket.SOCK_STREAM: socket.IPPROTO_TCP, socket.SOCK_DGRAM: socket.IPPROTO_UDP}.get(type)
    number = _as_port(port)
    if host is None or number is None or own_proto is None or proto not in (0, own_proto):
        return None
    if family in (0, socket.AF_INET) and _is_address(socket.AF_INET, host):
        return socket.AF_INET, type, own_proto, "", (_as_text(host), number)
    if family in (0, socket.AF_INET6) and _is_address(socket.AF_INET6, host):
        return socket.AF_INET6, type, own_proto, "", (_as_text(host), number, flowinfo, scope_id)
    return None


def _is_numeric_host(host):
    """Whether it is an IP address, perhaps with a zone (``fe80::1%eth0``), or None, any or this host."""
    if host is None:
        return True
    if not isinstance(host, (str, bytes)):
        return False
    plain = _as_text(host).partition("%")[0]
    return _is_address(socket.AF_INET, plain) or _is_address(socket.AF_INET6, plain)


def _is_address(family, host):
    try:
        socket.inet_pton(family, _as_text(host))
    except (OSError, UnicodeError, ValueError, AttributeError):  # the last: a platform without inet_pton
        return False
    return True


def _as_text(host):
    return host.decode("latin-1") if isinstance(host, (bytes, bytearray)) else host


def _as_port(port):
    """The number that `port` stands for; None for the name of a service."""
    if port is None or port in ("", b""):
        return 0
    try:
        return int(port)
    except (TypeError, ValueError):
        return None
