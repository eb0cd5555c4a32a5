"""Certificates, contexts, and peers that speak TLS by the ssl module alone, for the tests of TLS."""

import asyncio
import contextlib
import functools
import socket
import ssl

import trustme

from helpers.streams import LOOPBACK, Recorder, connected_sockets

HOST = "tulip.example"


@functools.cache
def authority():
    return trustme.CA()


@functools.cache
def certificate(name=HOST):
    return authority().issue_cert(name, LOOPBACK, "localhost")


def server_context(version=None, name=HOST):
    """A context with a certificate for `name`; `version` allows only that version of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate(name).configure_cert(context)
    return _only(context, version)


def client_context(version=None):
    """A context that trusts the authority of the tests."""
    context = ssl.create_default_context()
    authority().configure_trust(context)
    return _only(context, version)


def _only(context, version):
    if version is not None:
        context.minimum_version = context.maximum_version = version
    return context


VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


class Peer:
    """The other end: an SSLObject that is fed from a bare socket. It is the peer of what is under test."""

    def __init__(self, loop, sock, context, *, server_side, server_hostname=None, session=None):
        self.loop = loop
        self.sock = sock
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.ssl_object = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_side, server_hostname=server_hostname, session=session
        )

    async def _do(self, action, *args):
        while True:
            try:
                result = action(*args)
            except ssl.SSLWantReadError:
                await self.flush()
                data = await self.loop.sock_recv(self.sock, 65536)
                if data:
                    self._incoming.write(data)
                else:
                    self._incoming.write_eof()
            except ssl.SSLError:
                with contextlib.suppress(OSError):
                    await self.flush()
                raise
            else:
                await self.flush()
                return result

    async def flush(self):
        if self._outgoing.pending:
            await self.loop.sock_sendall(self.sock, self._outgoing.read())

    async def handshake(self):
        await self._do(self.ssl_object.do_handshake)

    async def send(self, data):
        for at in range(0, len(data), 16384):
            await self._do(self.ssl_object.write, data[at : at + 16384])

    async def receive(self):
        """Some data; b"" after close_notify. ssl.SSLEOFError where the stream ends without one."""
        try:
            return await self._do(self.ssl_object.read, 65536)
        except ssl.SSLZeroReturnError:
            return b""

    async def receive_exactly(self, size):
        data = bytearray()
        while len(data) < size:
            chunk = await self.receive()
            assert chunk, f"close_notify after {len(data)} of {size} bytes"
            data += chunk
        assert len(data) == size
        return bytes(data)

    async def receive_all(self):
        data = bytearray()
        while chunk := await self.receive():
            data += chunk
        return bytes(data)

    def encrypt(self, *pieces):
        """The ciphertext of each piece together, not sent."""
        for piece in pieces:
            assert self.ssl_object.write(piece) == len(piece)
        return self._outgoing.read()

    async def say_goodbye(self):
        """Send close_notify, without waiting for the answer."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self.ssl_object.unwrap()
        await self.flush()


class TLSLink:
    """A TLS transport with its protocol on the loop, and its `Peer`."""

    def __init__(self, transport, protocol, peer):
        self.transport = transport
        self.protocol = protocol
        self.peer = peer


async def until_closed(sock):
    while sock.fileno() != -1:
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def tls_linked(loop, protocol=None, *, server_side=False, version=None, kind="tcp", context=None,
                     peer_context=None, **options):
    """A `TLSLink` of which the transport is the client, or the server; both ends are closed at the end."""
    ours, theirs = connected_sockets(kind)
    protocol = Recorder() if protocol is None else protocol
    if server_side:
        context = context or server_context(version)
        peer = Peer(loop, theirs, peer_context or client_context(), server_side=False, server_hostname=HOST)
        opening = loop.connect_accepted_socket(lambda: protocol, ours, ssl=context, **options)
    else:
        context = context or client_context(version)
        peer = Peer(loop, theirs, peer_context or server_context(), server_side=True)
        opening = loop.create_connection(lambda: protocol, sock=ours, ssl=context, server_hostname=HOST, **options)
    with theirs:
        (transport, _), _ = await asyncio.gather(opening, peer.handshake())
        sock = transport.get_extra_info("socket")
        try:
            yield TLSLink(transport, protocol, peer)
        finally:
            transport.abort()
            theirs.close()
            await until_closed(sock)
            await protocol.lost()


def listening():
    return socket.create_server((LOOPBACK, 0))
