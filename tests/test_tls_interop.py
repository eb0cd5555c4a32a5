"""TLS against others: openssl's command line, the standard library's loop, and blocking sockets in a thread."""

import asyncio
import contextlib
import shutil
import socket
import ssl
import subprocess
import threading

import pytest
from helpers.processes import PATIENCE
from helpers.running import on_loop
from helpers.streams import LOOPBACK, Echo, Factory, Recorder, address, serving
from helpers.tls import HOST, authority, certificate, client_context, server_context

pytestmark = pytest.mark.usefixtures("use_tls_engine")

OPENSSL = shutil.which("openssl")
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="there is no openssl command here")
VERSIONS = pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])


@pytest.fixture(scope="module")
def pem_files(tmp_path_factory):
    """Files with the authority's certificate, and a server's with its key."""
    directory = tmp_path_factory.mktemp("pem")
    trusted, own = directory / "ca.pem", directory / "server.pem"
    authority().cert_pem.write_to_path(trusted)
    certificate().private_key_and_cert_chain_pem.write_to_path(own)
    return str(trusted), str(own)


@contextlib.contextmanager
def openssl(*arguments):
    process = subprocess.Popen(
        [OPENSSL, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(PATIENCE)
        process.stdin.close()
        process.stdout.close()


# --- openssl s_client and s_server -------------------------------------------------------------


@needs_openssl
@VERSIONS
@on_loop
async def test_openssl_as_client(loop, pem_files, version):
    factory = Factory(Echo)
    async with serving(loop, factory, ssl=server_context()) as server:
        arguments = ("s_client", "-quiet", "-no_ign_eof", "-verify_return_error", "-CAfile", pem_files[0],
                     "-servername", HOST, "-verify_hostname", HOST, version,
                     "-connect", "{}:{}".format(*address(server)))
        with openssl(*arguments) as process:
            process.stdin.write(b"hello from openssl\n")
            process.stdin.flush()
            assert b"hello from openssl\n" in await loop.run_in_executor(None, _lines_with, process, b"hello")
            protocol = await factory.connected()
            process.stdin.close()
            assert await protocol.lost() is None
            assert protocol.data == b"hello from openssl\n"


def _lines_with(process, word):
    """Read its output until a line has `word` in it."""
    lines = b""
    while word not in lines:
        line = process.stdout.readline()
        assert line, f"openssl ended: {lines!r}"
        lines += line
    return lines


def _free_port():
    with socket.create_server((LOOPBACK, 0)) as sock:
        return sock.getsockname()[1]


@needs_openssl
@VERSIONS
@on_loop
async def test_openssl_as_server(loop, pem_files, version):
    port = _free_port()
    arguments = ("s_server", "-rev", "-cert", pem_files[1], "-accept", f"{LOOPBACK}:{port}", version, "-naccept", "1")
    with openssl(*arguments) as process:
        await loop.run_in_executor(None, _lines_with, process, b"ACCEPT")
        protocol = Recorder()
        transport, _ = await loop.create_connection(
            lambda: protocol, LOOPBACK, port, ssl=client_context(), server_hostname=HOST
        )
        transport.write(b"pilut\n")
        assert await protocol.received(6) == b"tulip\n"
        assert transport.get_extra_info("ssl_object").version() == "TLSv" + version[4:].replace("_", ".")
        transport.close()
        assert await protocol.lost() is None


@needs_openssl
@on_loop
async def test_key_update(loop, pem_files):
    """openssl's client changes keys in the middle of a connection of TLS 1.3."""
    factory = Factory(Echo)
    async with serving(loop, factory, ssl=server_context()) as server:
        arguments = ("s_client", "-CAfile", pem_files[0], "-servername", HOST, "-tls1_3",
                     "-connect", "{}:{}".format(*address(server)))
        with openssl(*arguments) as process:
            await loop.run_in_executor(None, _lines_with, process, b"Verify return code")
            for word in (b"before\n", b"after\n", b"at last\n"):
                process.stdin.write(word)
                process.stdin.flush()
                await loop.run_in_executor(None, _lines_with, process, word)
                # Update the keys, and ask for the peer's new ones.
                process.stdin.write(b"K\n")
                process.stdin.flush()
                await loop.run_in_executor(None, _lines_with, process, b"KEYUPDATE")
            protocol = await factory.connected()
            assert await protocol.received(21) == b"before\nafter\nat last\n"
            process.kill()
            await protocol.lost()


# --- the standard library on the other side ----------------------------------------------------


class Thread(threading.Thread):
    """Runs a function beside the loop; `finish` raises what it raised."""

    def __init__(self, function, *args):
        super().__init__(daemon=True)
        self._call = function, args
        self._error = None
        self.start()

    def run(self):
        function, args = self._call
        try:
            function(*args)
        except BaseException as exc:
            self._error = exc

    async def finish(self, loop):
        await loop.run_in_executor(None, self.join, PATIENCE)
        if self._error is not None:
            raise self._error


DATA = bytes(range(256)) * 4096


def std_client(where):
    """Talk to an echo server by the standard library's own loop."""

    async def talk():
        reader, writer = await asyncio.open_connection(*where, ssl=client_context(), server_hostname=HOST)
        for data in (b"hello", DATA):
            writer.write(data)
            assert await reader.readexactly(len(data)) == data
        writer.close()
        await writer.wait_closed()

    loop = asyncio.SelectorEventLoop()
    try:
        loop.run_until_complete(talk())
    finally:
        loop.close()


def std_server(sock):
    """Serve one connection by the standard library's own loop."""

    async def serve():
        over = asyncio.get_running_loop().create_future()

        async def handle(reader, writer):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
            writer.close()
            await writer.wait_closed()
            over.set_result(None)

        server = await asyncio.start_server(handle, sock=sock, ssl=server_context())
        await over
        server.close()

    loop = asyncio.SelectorEventLoop()
    try:
        loop.run_until_complete(serve())
    finally:
        loop.close()


@on_loop
async def test_the_standard_loop_as_client(loop):
    factory = Factory(Echo)
    async with serving(loop, factory, ssl=server_context()) as server:
        await Thread(std_client, address(server)).finish(loop)
        assert await factory.made[0].lost() is None


@on_loop
async def test_the_standard_loop_as_server(loop):
    sock = socket.create_server((LOOPBACK, 0))
    where = sock.getsockname()
    thread = Thread(std_server, sock)
    protocol = Recorder()
    transport, _ = await loop.create_connection(lambda: protocol, *where, ssl=client_context(), server_hostname=HOST)
    transport.write(DATA)
    assert await protocol.received(len(DATA)) == DATA
    transport.close()
    assert await protocol.lost() is None
    await thread.finish(loop)


def blocking_client(where, unwrap):
    with socket.create_connection(where) as plain:
        with client_context().wrap_socket(plain, server_hostname=HOST) as sock:
            sock.sendall(b"blocking")
            data = b""
            while len(data) < 8:
                data += sock.recv(100)
            assert data == b"blocking"
            if unwrap:
                plain = sock.unwrap()


@pytest.mark.parametrize("unwrap", [True, False])
@on_loop
async def test_blocking_sockets(loop, unwrap):
    factory = Factory(Echo)
    async with serving(loop, factory, ssl=server_context()) as server:
        await Thread(blocking_client, address(server), unwrap).finish(loop)
        assert await factory.made[0].lost() is None


@pytest.mark.usefixtures("without_debug")
@on_loop
async def test_old_version_is_refused(loop):
    old = client_context()
    context = server_context(ssl.TLSVersion.TLSv1_3)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    async with serving(loop, Factory(Echo), ssl=context) as server:
        with pytest.raises(ssl.SSLError, match="TLSV1_ALERT_PROTOCOL_VERSION|EOF"):
            await loop.run_in_executor(None, _connect_blocking, old, address(server))


def _connect_blocking(context, where):
    with socket.create_connection(where) as plain, context.wrap_socket(plain, server_hostname=HOST):
        pass
