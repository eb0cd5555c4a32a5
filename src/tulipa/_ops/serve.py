"""create_server, and the Server that it gives."""

import asyncio
import errno
import functools
import os
import socket
import sys
from asyncio.log import logger
from asyncio.trsock import TransportSocket
from collections.abc import Iterable

from tulipa._ops.arguments import check_server_ssl, check_stream_socket, share_port
from tulipa._ops.carriers import server_settings
from tulipa._ops.connect import bind_error
from tulipa._ops.listening import Listener
from tulipa._ops.resolve import ensure_resolved
from tulipa._transports.accepting import Acceptor
from tulipa._transports.clients import Clients
from tulipa._transports.life import outermost

# The system knows addresses of that kind, but does not have it.
_NOT_HERE = {errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.ESOCKTNOSUPPORT, errno.EPROTOTYPE, errno.EINVAL}


async def create_server(
    loop, protocol_factory, host=None, port=None, *,
    family=socket.AF_UNSPEC, flags=socket.AI_PASSIVE, sock=None, backlog=100, ssl=None,
    reuse_address=None, reuse_port=None, keep_alive=None,
    ssl_handshake_timeout=None, ssl_shutdown_timeout=None, start_serving=True,
):
    """Serve TCP connections to `host` (a name, several, or None and "" for all interfaces) and `port`, or to
    the bound `sock`; gives a Server, which owns the sockets.

    Raises OSError for an address that can't be bound, ValueError and TypeError for wrong arguments.
    """
    check_server_ssl(ssl)
    tls = ssl, ssl_handshake_timeout, ssl_shutdown_timeout
    server_settings(*tls)  # says what is wrong with it before anything is bound
    if sock is not None:
        if host is not None or port is not None:
            raise ValueError("host/port and sock can not be specified at the same time; give one of them")
        check_stream_socket(sock)
        socks = [sock]
    elif host is None and port is None:
        raise ValueError("Neither host/port nor sock were specified; give one (port 0: the system chooses)")
    else:
        if reuse_address is None:
            reuse_address = os.name == "posix" and sys.platform != "cygwin"
        set_options = functools.partial(_set_options, reuse_address, reuse_port, keep_alive)
        socks = _bind_all(loop, await _resolve_all(loop, host, port, family, flags), set_options)
    return make_server(loop, socks, protocol_factory, backlog, start_serving, tls)


def make_server(loop, socks, protocol_factory, backlog, start_serving, tls, cleanup=None):
    """A Server for bound sockets; they are closed where it can't start. Raises OSError."""
    context, *timeouts = tls
    server = Server(loop, socks, protocol_factory, context, backlog, *timeouts, cleanup=cleanup)
    try:
        for sock in socks:
            sock.setblocking(False)
        if start_serving:
            server._start_serving()
    except BaseException:
        server.close()
        raise
    return server


async def _resolve_all(loop, host, port, family, flags):
    """The entries of getaddrinfo for each host, each entry once."""
    if host == "":
        hosts = [None]
    elif isinstance(host, (str, bytes)) or not isinstance(host, Iterable):
        hosts = [host]
    else:
        hosts = list(host)
    entries = {}
    for name in hosts:
        found = await ensure_resolved(loop, (name, port), family=family, flags=flags)
        entries.update(dict.fromkeys(found))
    return list(entries)


def _set_options(reuse_address, reuse_port, keep_alive, sock):
    """Make of `sock` a listening socket as it was asked for. ValueError for what isn't had here, OSError."""
    if reuse_address:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, True)
    if reuse_port:
        share_port(sock)
    if keep_alive:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, True)
    if sock.family == socket.AF_INET6:
        # IPv4 has a socket of its own, on the same port.
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, True)


def _bind_all(loop, entries, set_options):
    """A bound socket for each entry whose address this machine has. Raises OSError, and leaves none then."""
    socks = []
    try:
        for entry in entries:
            sock = _bind(loop, entry, set_options)
            if sock is not None:
                socks.append(sock)
        if not socks:
            addresses = [entry[4] for entry in entries]
            message = f"could not bind on any address out of {addresses!r}: this machine has none of them"
            raise OSError(errno.EADDRNOTAVAIL, message)
    except BaseException:
        for sock in socks:
            sock.close()
        raise
    return socks


def _bind(loop, entry, set_options):
    """A bound socket, or None where this machine does not have such an address. Raises OSError."""
    family, kind, proto, _, address = entry
    try:
        sock = socket.socket(family=family, type=kind, proto=proto)
    except OSError as exc:
        if exc.errno not in _NOT_HERE:
            raise
        return _left_out(loop, address, exc)
    try:
        set_options(sock)
        sock.bind(address)
    except OSError as exc:
        sock.close()
        if exc.errno == errno.EADDRNOTAVAIL:
            return _left_out(loop, address, exc)
        raise bind_error(exc, address) from None
    except BaseException:
        sock.close()
        raise
    return sock


def _left_out(loop, address, error):
    if loop.get_debug():
        logger.warning("create_server() leaves %r out: %s", address, error)
    return None


class Server(asyncio.AbstractServer):
    """Listening sockets with the connections accepted from them, as asyncio.Server of Python 3.13.

    Made by create_server and create_unix_server. Raises ValueError and TypeError for wrong arguments of TLS.
    `cleanup` is called once its sockets are closed.
    """

    def __init__(
        self, loop, sockets, protocol_factory, ssl_context, backlog,
        ssl_handshake_timeout, ssl_shutdown_timeout=None, *, cleanup=None,
    ):
        self._loop = loop
        settings = server_settings(ssl_context, ssl_handshake_timeout, ssl_shutdown_timeout)
        layer = None if settings is None else settings.layer
        self._clients = Clients()
        self._listeners = [
            Listener(loop, Acceptor(loop, sock, protocol_factory, layer, self._clients), backlog)
            for sock in sockets
        ]
        self._cleanup = cleanup
        self._closing_waiters = []
        self._closed = False
        self._serving = False
        self._forever = None

    def __repr__(self):
        return f"<{type(self).__name__} sockets={self.sockets!r}>"

    @property
    def sockets(self):
        """The listening sockets, as asyncio.trsock.TransportSocket; none when closed."""
        return () if self._closed else tuple(TransportSocket(listener.sock) for listener in self._listeners)

    @property
    def _sockets(self):
        """The sockets themselves; None when closed, as libraries ask for."""
        return None if self._closed else [listener.sock for listener in self._listeners]

    @property
    def _waiters(self):
        """Who waits for its end; None once that has come."""
        return None if self._is_over() else self._closing_waiters

    def get_loop(self):
        """The loop that it serves on."""
        return self._loop

    def is_serving(self):
        """Whether it accepts connections."""
        return self._serving

    # -- serving --------------------------------------------------------------------------------------------

    async def start_serving(self):
        """Accept connections; harmless when it does. Raises RuntimeError when closed, OSError."""
        self._start_serving()

    async def serve_forever(self):
        """Accept connections until cancelled or closed; cancelling closes the server.

        Raises RuntimeError when closed, and where somebody else awaits it.
        """
        if self._forever is not None:
            raise RuntimeError(f"server {self!r} is already being awaited on serve_forever()")
        self._start_serving()
        self._forever = self._loop.create_future()
        try:
            await self._forever
        except asyncio.CancelledError:
            try:
                self.close()
                await self.wait_closed()
            finally:
                raise
        finally:
            self._forever = None

    def _start_serving(self):
        if self._serving:
            return
        if self._closed:
            raise RuntimeError(f"server {self!r} is closed; make a new one")
        for listener in self._listeners:
            listener.listen()
        try:
            for listener in self._listeners:
                listener.start()
        except BaseException:
            for listener in self._listeners:
                listener.stop()
            raise
        self._serving = True

    # -- closing --------------------------------------------------------------------------------------------

    def close(self):
        """Stop accepting and close the listening sockets; connections go on. Harmless a second time."""
        if self._closed:
            return
        self._closed = True
        self._serving = False
        self._clients.when_none = self._wake_if_over
        for listener in self._listeners:
            listener.close()
        if self._cleanup is not None:
            self._cleanup()
        if self._forever is not None and not self._forever.done():
            self._forever.cancel()
        self._wake_if_over()

    def close_clients(self):
        """Close all connections accepted; what they have buffered is sent first."""
        for transport in self._clients.listed():
            outermost(transport).close()

    def abort_clients(self):
        """Close all connections accepted at once, without sending what they have buffered."""
        for transport in self._clients.listed():
            outermost(transport).abort()

    async def wait_closed(self):
        """Wait until it is closed and the last of its connections is over."""
        if self._is_over():
            return
        waiter = self._loop.create_future()
        self._closing_waiters.append(waiter)
        try:
            await waiter
        finally:
            if waiter in self._closing_waiters:
                self._closing_waiters.remove(waiter)

    def _is_over(self):
        return self._closed and not self._clients

    def _wake_if_over(self):
        if not self._is_over():
            return
        self._clients.when_none = None
        waiters, self._closing_waiters = self._closing_waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
