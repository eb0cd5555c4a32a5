"""PEP 3156: the `ssl` and `server_hostname` options, and what is other about stream transports over TLS."""

import asyncio
import contextlib
import ssl

import pytest
from helpers.running import on_loop, turns
from helpers.streams import LOOPBACK, Echo, Factory, Recorder, address, closed, connected_sockets, serving
from helpers.tls import HOST, client_context, server_context, tls_linked


@contextlib.asynccontextmanager
async def connected(loop, where, **options):
    """The protocol of a connection; it is closed, in peace, at the end of the block."""
    transport, protocol = await loop.create_connection(Recorder, *where, **options)
    try:
        yield protocol
    finally:
        sock = transport.get_extra_info("socket")
        transport.abort()
        while sock.fileno() != -1:
            await asyncio.sleep(0)


async def all_lost(factory):
    for protocol in factory.made:
        if protocol.transport is not None:
            await protocol.lost()


@on_loop
async def test_ssl_context_makes_a_tls_transport_on_both_sides(loop):
    factory = Factory(Echo)
    async with serving(loop, factory, ssl=server_context()) as server:
        options = {"ssl": client_context(), "server_hostname": HOST}
        async with connected(loop, address(server), **options) as protocol:
            await protocol.saw("made")
            assert protocol.transport.get_extra_info("sslcontext") is options["ssl"]
            assert protocol.transport.get_extra_info("peercert")
            assert isinstance(protocol.transport.get_extra_info("ssl_object"), ssl.SSLObject)
            protocol.transport.write(b"secret")
            assert await protocol.received(6) == b"secret"
        await all_lost(factory)


@pytest.mark.usefixtures("without_debug")
@on_loop
async def test_the_hostname_is_verified_and_host_is_its_default(loop):
    factory = Factory(Echo)
    async with serving(loop, factory, ssl=server_context()) as server:
        # The certificate is for the address too.
        async with connected(loop, address(server), ssl=client_context()) as protocol:
            await protocol.saw("made")
        with pytest.raises(ssl.CertificateError):
            await loop.create_connection(
                Recorder, *address(server), ssl=client_context(), server_hostname="other.example"
            )
        unverified = client_context()
        unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
        async with connected(loop, address(server), ssl=unverified, server_hostname="other.example") as protocol:
            await protocol.saw("made")
        async with connected(loop, address(server), ssl=unverified, server_hostname="") as protocol:
            await protocol.saw("made")
        await turns(5)
        await all_lost(factory)


@pytest.mark.usefixtures("without_debug")
@on_loop
async def test_ssl_true_makes_a_context_that_verifies(loop):
    factory = Factory(Echo)
    async with serving(loop, factory, ssl=server_context()) as server:
        # The authority of the tests is in no system's store.
        with pytest.raises(ssl.SSLCertVerificationError):
            await loop.create_connection(Recorder, *address(server), ssl=True)
        await turns(5)


@on_loop
async def test_server_hostname_is_needed_where_there_is_no_host(loop):
    sock, peer = connected_sockets()
    with sock, peer:
        with pytest.raises(ValueError):
            await loop.create_connection(Recorder, sock=sock, ssl=client_context())


@on_loop
async def test_true_makes_no_sense_for_a_server(loop):
    with pytest.raises(TypeError):
        await loop.create_server(Echo, LOOPBACK, 0, ssl=True)


@on_loop
async def test_tls_can_not_write_eof(loop):
    async with tls_linked(loop) as link:
        assert link.transport.can_write_eof() is False
        with pytest.raises((NotImplementedError, RuntimeError)):
            link.transport.write_eof()


@on_loop
async def test_start_tls_upgrades_a_connection(loop):
    factory = Factory(Echo)
    async with serving(loop, factory) as server:
        transport, protocol = await loop.create_connection(Recorder, *address(server))
        served = await factory.connected()
        upgraded, _ = await asyncio.gather(
            loop.start_tls(transport, protocol, client_context(), server_hostname=HOST),
            upgrade(loop, served),
        )
        upgraded.write(b"secret")
        assert await protocol.received(6) == b"secret"
        upgraded.abort()
        await protocol.lost()
        await served.lost()
        await closed(transport)


async def upgrade(loop, protocol):
    protocol.transport = await loop.start_tls(protocol.transport, protocol, server_context(), server_side=True)
