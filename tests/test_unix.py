"""UNIX sockets: create_unix_connection and create_unix_server."""

import errno
import os
import pathlib
import socket
import stat
import sys

import pytest
from helpers.running import on_loop
from helpers.streams import Echo, Factory, Recorder, nothing_left

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no UNIX sockets here")
needs_abstract = pytest.mark.skipif(sys.platform != "linux", reason="abstract names are Linux's")


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A short path (they may have some 100 bytes only) that does not exist yet."""
    monkeypatch.chdir(tmp_path)
    return "tulip.sock"


async def exchange(loop, path, echoing):
    """Connect, have some bytes echoed, disconnect; all of it is over at the end."""
    before = len(echoing.made)
    transport, protocol = await loop.create_unix_connection(Recorder, path)
    transport.write(b"hello")
    assert await protocol.received(5) == b"hello"
    transport.close()
    await protocol.lost()
    await echoing.made[before].lost()


async def close(server):
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize("kind", [str, os.fsencode, pathlib.Path])
@on_loop
async def test_echo(loop, path, kind):
    echoing = Factory(Echo)
    server = await loop.create_unix_server(echoing, kind(path))
    assert stat.S_ISSOCK(os.stat(path).st_mode)
    await exchange(loop, kind(path), echoing)
    await close(server)


@on_loop
async def test_extra_info(loop, path):
    echoing = Factory(Echo)
    server = await loop.create_unix_server(echoing, path)
    transport, protocol = await loop.create_unix_connection(Recorder, path)
    assert transport.get_extra_info("peername") == path
    assert transport.get_extra_info("sockname") == ""
    assert (await echoing.connected()).transport.get_extra_info("sockname") == path
    transport.close()
    await protocol.lost()
    await echoing.made[0].lost()
    await close(server)


@needs_abstract
@pytest.mark.parametrize("kind", [os.fsencode, os.fsdecode])
@on_loop
async def test_abstract_name(loop, kind):
    name = kind(f"\0tulip-{os.getpid()}".encode())
    echoing = Factory(Echo)
    server = await loop.create_unix_server(echoing, name)
    assert server.sockets[0].getsockname() == os.fsencode(name)
    await exchange(loop, name, echoing)
    await close(server)
    with pytest.raises(ConnectionRefusedError):
        await loop.create_unix_connection(Recorder, name)


@on_loop
async def test_given_connected_socket(loop):
    ours, peer = socket.socketpair()
    with peer:
        transport, protocol = await loop.create_unix_connection(Recorder, sock=ours)
        peer.send(b"data")
        assert await protocol.received(4) == b"data"
        transport.close()
        await protocol.lost()


@on_loop
async def test_given_bound_socket(loop, path):
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(path)
    echoing = Factory(Echo)
    server = await loop.create_unix_server(echoing, sock=sock)
    await exchange(loop, path, echoing)
    await close(server)
    assert sock.fileno() == -1


@on_loop
async def test_server_that_does_not_start_at_once(loop, path):
    echoing = Factory(Echo)
    server = await loop.create_unix_server(echoing, path, start_serving=False)
    assert not server.is_serving()
    with pytest.raises(ConnectionRefusedError):
        await loop.create_unix_connection(Recorder, path)
    await server.start_serving()
    assert server.is_serving()
    await exchange(loop, path, echoing)
    await close(server)


# --- the socket file ---------------------------------------------------------------------------


@on_loop
async def test_stale_socket_file_is_replaced(loop, path):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(path)
    echoing = Factory(Echo)
    server = await loop.create_unix_server(echoing, path)
    await exchange(loop, path, echoing)
    await close(server)


@on_loop
async def test_other_file_is_not_replaced(loop, path):
    pathlib.Path(path).write_text("precious")
    async with nothing_left(loop):
        with pytest.raises(OSError, match="tulip.sock") as error:
            await loop.create_unix_server(Echo, path)
    assert error.value.errno == errno.EADDRINUSE
    assert pathlib.Path(path).read_text() == "precious"


@pytest.mark.std_since(3, 13)
@on_loop
async def test_socket_file_is_removed_on_close(loop, path):
    server = await loop.create_unix_server(Echo, path)
    await close(server)
    assert not os.path.exists(path)


@pytest.mark.std_since(3, 13)
@on_loop
async def test_socket_file_is_kept_if_asked(loop, path):
    server = await loop.create_unix_server(Echo, path, cleanup_socket=False)
    await close(server)
    assert stat.S_ISSOCK(os.stat(path).st_mode)


@pytest.mark.std_since(3, 13)
@on_loop
async def test_socket_file_of_a_successor_is_kept(loop, path):
    server = await loop.create_unix_server(Echo, path)
    os.rename(path, "moved")
    echoing = Factory(Echo)
    successor = await loop.create_unix_server(echoing, path)
    await close(server)
    await exchange(loop, path, echoing)
    await close(successor)
    assert not os.path.exists(path)


@pytest.mark.std_since(3, 13)
@on_loop
async def test_socket_file_of_a_given_socket_is_removed_too(loop, path):
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(path)
    server = await loop.create_unix_server(Echo, sock=sock)
    await close(server)
    assert not os.path.exists(path)


@pytest.mark.std_since(3, 13)
@on_loop
async def test_socket_file_that_is_gone_already(loop, path):
    server = await loop.create_unix_server(Echo, path)
    os.unlink(path)
    await close(server)


# --- failing -----------------------------------------------------------------------------------


@on_loop
async def test_nobody_there(loop, path):
    async with nothing_left(loop):
        with pytest.raises(FileNotFoundError):
            await loop.create_unix_connection(Recorder, path)


@on_loop
async def test_nobody_listens(loop, path):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(path)
        async with nothing_left(loop):
            with pytest.raises(ConnectionRefusedError):
                await loop.create_unix_connection(Recorder, path)


@on_loop
async def test_directory_that_does_not_exist(loop, path):
    async with nothing_left(loop):
        with pytest.raises(FileNotFoundError):
            await loop.create_unix_server(Echo, f"nowhere/{path}")


@pytest.mark.parametrize("method", ["create_unix_connection", "create_unix_server"])
@on_loop
async def test_name_too_long(loop, method):
    async with nothing_left(loop):
        with pytest.raises(OSError, match="too long"):
            await getattr(loop, method)(Recorder, "x" * 200)


@pytest.mark.parametrize("method", ["create_unix_connection", "create_unix_server"])
@on_loop
async def test_wrong_arguments(loop, path, method):
    create = getattr(loop, method)
    with socket.socket(socket.AF_UNIX) as sock:
        with pytest.raises(ValueError, match="path.*sock"):
            await create(Recorder, path, sock=sock)
    with pytest.raises(ValueError, match="path.*sock"):
        await create(Recorder)
    with socket.socket(socket.AF_INET) as sock:
        with pytest.raises(ValueError, match="UNIX"):
            await create(Recorder, sock=sock)
        assert sock.fileno() != -1
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        with pytest.raises(ValueError, match="(?i)stream"):
            await create(Recorder, sock=sock)
    for option in ("ssl_handshake_timeout", "ssl_shutdown_timeout"):
        with pytest.raises(ValueError, match=f"{option}.*ssl"):
            await create(Recorder, path, **{option: 1})
    assert not os.path.exists(path)


@on_loop
async def test_server_hostname_without_tls(loop, path):
    with pytest.raises(ValueError, match="server_hostname.*ssl"):
        await loop.create_unix_connection(Recorder, path, server_hostname="tulip.example")


@on_loop
async def test_server_with_ssl_that_is_no_context(loop, path):
    with pytest.raises(TypeError, match="ssl"):
        await loop.create_unix_server(Recorder, path, ssl=True)
    assert not os.path.exists(path)
