"""loop.sendfile and loop.sock_sendfile: the bytes, the file's position, order, errors, cancellation."""

import asyncio
import io
import os
import socket
import tempfile

import pytest
from helpers.accounting import watcher_count
from helpers.running import on_loop, turns
from helpers.streams import Recorder, connected_sockets, fill, linked, nothing_left, receive_exactly, small_buffers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

DATA = b"".join(number.to_bytes(4, "big") for number in range(500_000))  # 2 MB

native_only = pytest.mark.skipif(not hasattr(os, "sendfile"), reason="no os.sendfile() here")


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "data"
    path.write_bytes(DATA)
    return path


@pytest.fixture
def file(path):
    with open(path, "rb") as file:
        yield file


@pytest.fixture
def pair():
    one, other = connected_sockets("unix")
    with one, other:
        yield one, other


class Unseekable(io.RawIOBase):
    """A file of which nothing is known but its bytes."""

    def __init__(self, data):
        self._source = io.BytesIO(data)

    def readinto(self, buffer):
        return self._source.readinto(buffer)


async def finished(*things):
    return await asyncio.gather(*things)


# --- sock_sendfile -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tcp", "unix"])
@on_loop
async def test_all_of_a_file(loop, file, kind):
    one, other = connected_sockets(kind)
    with one, other:
        sent, received = await finished(loop.sock_sendfile(one, file), receive_exactly(loop, other, len(DATA)))
        assert sent == len(DATA) and received == DATA
        assert file.tell() == len(DATA)


class Lying:
    """A file that tells of more bytes than there was room for, or of less than none."""

    def __init__(self, size):
        self._size = size

    def readinto(self, buffer):
        return self._size


@pytest.mark.tulipa_only
@pytest.mark.parametrize("size", [-1, 1 << 30])
@on_loop
async def test_a_file_that_tells_lies(loop, pair, size):
    with pytest.raises(ValueError, match=f"returned {size} for a buffer of"):
        await loop.sock_sendfile(pair[0], Lying(size))
    async with linked(loop) as link:
        with pytest.raises(ValueError, match=f"returned {size} for a buffer of"):
            await loop.sendfile(link.transport, Lying(size))
        assert link.transport.get_protocol() is link.protocol


@pytest.mark.tulipa_only  # asyncio mixes their bytes, and the protocol is lost
@on_loop
async def test_two_at_once_by_reading(loop):
    async with linked(loop) as link:
        first = asyncio.ensure_future(loop.sendfile(link.transport, Unseekable(DATA)))
        await turns(5)
        with pytest.raises(RuntimeError, match="already"):
            await loop.sendfile(link.transport, Unseekable(DATA))
        assert await receive_exactly(loop, link.peer, len(DATA)) == DATA
        assert await first == len(DATA)
        assert link.transport.get_protocol() is link.protocol


@pytest.mark.parametrize("offset, count", [(0, 10), (5, 10), (100_001, 1_000_001), (len(DATA) - 7, None)])
@pytest.mark.parametrize("buffering", [0, -1])
@on_loop
async def test_a_part_of_a_file(loop, path, pair, offset, count, buffering):
    expected = DATA[offset:] if count is None else DATA[offset:][:count]
    with open(path, "rb", buffering) as file:
        sending = loop.sock_sendfile(pair[0], file, offset, count)
        sent, received = await finished(sending, receive_exactly(loop, pair[1], len(expected)))
        assert sent == len(expected) and received == expected
        assert file.tell() == offset + len(expected)


@pytest.mark.parametrize("offset", [0, len(DATA) - 5])
@on_loop
async def test_more_than_there_is(loop, file, pair, offset):
    sending = loop.sock_sendfile(pair[0], file, offset, len(DATA) + 1000)
    sent, received = await finished(sending, receive_exactly(loop, pair[1], len(DATA) - offset))
    assert sent == len(received) == len(DATA) - offset
    assert file.tell() == len(DATA)


@pytest.mark.parametrize("offset", [0, len(DATA), len(DATA) + 10])
@on_loop
async def test_nothing(loop, file, pair, offset):
    with tempfile.TemporaryFile() as empty:
        assert await loop.sock_sendfile(pair[0], file if offset else empty, offset) == 0
        assert file.tell() == 0


@pytest.mark.tulipa_only  # the standard loop does not know of what the file object has read ahead
@on_loop
async def test_file_that_has_read_ahead(loop, file, pair):
    file.read(10)
    assert await loop.sock_sendfile(pair[0], file, 100, 50) == 50
    assert await loop.sock_recv(pair[1], 1000) == DATA[100:150]
    assert file.tell() == 150
    assert file.read(4) == DATA[150:154]


@pytest.mark.parametrize("offset, count", [(0, None), (3, 1000), (5, 300_000), (0, 3_000_000)])
@on_loop
async def test_file_in_memory(loop, pair, offset, count):
    file = io.BytesIO(DATA)
    expected = DATA[offset:][:count]
    sending = loop.sock_sendfile(pair[0], file, offset, count)
    sent, received = await finished(sending, receive_exactly(loop, pair[1], len(expected)))
    assert sent == len(expected) and received == expected
    assert file.tell() == offset + len(expected)


@pytest.mark.tulipa_only  # the standard loop falls over the position
@on_loop
async def test_file_without_a_position(loop, pair):
    sending = loop.sock_sendfile(pair[0], Unseekable(DATA), 0, 1_000_000)
    sent, received = await finished(sending, receive_exactly(loop, pair[1], 1_000_000))
    assert sent == len(received) and received == DATA[:1_000_000]
    with pytest.raises(io.UnsupportedOperation):
        await loop.sock_sendfile(pair[0], Unseekable(DATA), 5)


@pytest.mark.tulipa_only  # as above; and of a file without a size the standard loop sends nothing
@on_loop
async def test_pipe(loop, pair):
    out, into = os.pipe()
    with open(out, "rb") as file:
        with open(into, "wb") as writer:
            writer.write(DATA[:10_000])
        assert await loop.sock_sendfile(pair[0], file) == 10_000
    assert await receive_exactly(loop, pair[1], 10_000) == DATA[:10_000]


@pytest.mark.tulipa_only  # the standard loop sends from where it is when it has to read, and from the start else
@on_loop
async def test_offset_is_from_the_start(loop, pair):
    file = io.BytesIO(b"0123456789")
    file.seek(5)
    assert await loop.sock_sendfile(pair[0], file) == 10
    assert await loop.sock_recv(pair[1], 100) == b"0123456789"
    assert file.tell() == 10


@native_only
@on_loop
async def test_without_fallback(loop, file, pair):
    assert await loop.sock_sendfile(pair[0], file, 0, 10, fallback=False) == 10
    for other in (io.BytesIO(DATA), Unseekable(DATA)):
        with pytest.raises(asyncio.SendfileNotAvailableError):
            await loop.sock_sendfile(pair[0], other, fallback=False)


@on_loop
async def test_without_the_system_call(loop, file, pair, monkeypatch):
    monkeypatch.delattr(os, "sendfile", raising=False)
    with pytest.raises(asyncio.SendfileNotAvailableError, match="not available"):
        await loop.sock_sendfile(pair[0], file, fallback=False)
    sent, received = await finished(loop.sock_sendfile(pair[0], file), receive_exactly(loop, pair[1], len(DATA)))
    assert sent == len(DATA) and received == DATA


WRONG = {
    "count float": ((0, 1.5), TypeError, "count must be a positive integer"),
    "count 0": ((0, 0), ValueError, "count must be a positive integer"),
    "count -1": ((0, -1), ValueError, "count must be a positive integer"),
    "offset None": ((None,), TypeError, "offset must be a non-negative integer"),
    "offset float": ((1.5,), TypeError, "offset must be a non-negative integer"),
    "offset -1": ((-1,), ValueError, "offset must be a non-negative integer"),
}


@pytest.mark.parametrize("arguments, error, message", WRONG.values(), ids=WRONG)
@on_loop
async def test_wrong_arguments(loop, file, pair, arguments, error, message):
    with pytest.raises(error, match=message):
        await loop.sock_sendfile(pair[0], file, *arguments)
    async with linked(loop) as link:
        with pytest.raises(error, match=message):
            await loop.sendfile(link.transport, file, *arguments)


@on_loop
async def test_wrong_files_and_sockets(loop, path, file, pair):
    with open(path) as text, pytest.raises(ValueError, match="binary mode"):
        await loop.sock_sendfile(pair[0], text)
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        with pytest.raises(ValueError, match="only SOCK_STREAM"):
            await loop.sock_sendfile(sock, file)
    loop.set_debug(True)
    with socket.socket() as sock, pytest.raises(ValueError, match="non-blocking"):
        await loop.sock_sendfile(sock, file)


def in_memory(data):
    return io.BytesIO(data)


def on_disk(data):
    file = tempfile.TemporaryFile()
    file.write(data)
    file.flush()
    return file


both_ways = pytest.mark.parametrize("make_file", [on_disk, in_memory])


async def receive_rest(loop, other):
    data = bytearray()
    while chunk := await loop.sock_recv(other, 1 << 20):
        data += chunk
    return bytes(data)


@both_ways
@pytest.mark.tulipa_only  # the standard loop forgets a part of what it sent by itself
@on_loop
async def test_cancelled(loop, make_file):
    """Nothing is sent any more, the watcher is gone, and the position tells what was sent."""
    one, other = connected_sockets("unix")
    with one, other, make_file(DATA) as file:
        async with nothing_left(loop):
            sending = loop.create_task(loop.sock_sendfile(one, file))
            received = await receive_exactly(loop, other, 100_000)
            await turns(3)
            assert not sending.done()
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
        await turns(3)
        one.shutdown(socket.SHUT_WR)
        received += await receive_rest(loop, other)
        assert received == DATA[: len(received)]
        assert file.tell() == len(received)


@both_ways
@pytest.mark.tulipa_only
@on_loop
async def test_cancelled_at_every_step(loop, make_file):
    for step in range(8):
        one, other = connected_sockets("unix")
        with one, other, make_file(DATA) as file:
            file.seek(0)
            async with nothing_left(loop):
                sending = loop.create_task(loop.sock_sendfile(one, file))
                await turns(step)
                sending.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await sending
            one.shutdown(socket.SHUT_WR)
            assert file.tell() == len(await receive_rest(loop, other))


@pytest.mark.tulipa_only  # the standard loop sets the position while the thread still reads
@on_loop
async def test_cancelled_while_a_thread_reads(loop, monkeypatch, path):
    monkeypatch.delattr(os, "sendfile", raising=False)
    for step in range(6):
        one, other = connected_sockets("unix")
        with one, other, open(path, "rb") as file:
            sending = loop.create_task(loop.sock_sendfile(one, file))
            await turns(step)
            sending.cancel()
            await turns(1)
            sending.cancel()  # a second time, while it waits for the thread
            with pytest.raises(asyncio.CancelledError):
                await sending
            one.shutdown(socket.SHUT_WR)
            assert file.tell() == len(await receive_rest(loop, other))


@both_ways
@on_loop
async def test_peer_that_goes(loop, make_file):
    one, other = connected_sockets("unix")
    with one, other, make_file(DATA) as file:
        async with nothing_left(loop):
            sending = loop.create_task(loop.sock_sendfile(one, file))
            await receive_exactly(loop, other, 100_000)
            await turns(3)
            other.close()
            with pytest.raises((BrokenPipeError, ConnectionResetError)):
                await sending
        assert 100_000 <= file.tell() < len(DATA)


@native_only
@pytest.mark.tulipa_only  # the standard loop says that sendfile is not available
@on_loop
async def test_socket_without_a_peer(loop, file):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.setblocking(False)
        for fallback in (False, True):
            with pytest.raises(ConnectionError):
                await loop.sock_sendfile(sock, file, fallback=fallback)


@native_only
@pytest.mark.tulipa_only  # as above
@on_loop
async def test_peer_that_is_gone(loop, file):
    one, other = connected_sockets("unix")
    other.close()
    with one, pytest.raises(BrokenPipeError):
        await loop.sock_sendfile(one, file, fallback=False)


@on_loop
async def test_others_have_their_turn(loop, file, pair):
    """A file that could be sent at once, for the receiver keeps up, does not hold the loop up."""
    async def count():
        nonlocal counted
        while True:
            counted += 1
            await asyncio.sleep(0)

    counted = 0
    counting = loop.create_task(count())
    await finished(loop.sock_sendfile(pair[0], file), receive_exactly(loop, pair[1], len(DATA)))
    assert counted >= 3
    counting.cancel()
    await asyncio.wait([counting])


# --- over a transport --------------------------------------------------------------------------


MODES = asyncio.constants._SendfileMode


def by_the_kernel(transport):
    transport._sendfile_compatible = MODES.TRY_NATIVE
    return transport


def by_reading(transport):
    """As TLS has it."""
    transport._sendfile_compatible = MODES.FALLBACK
    return transport


ways = pytest.mark.parametrize("way", [by_the_kernel, by_reading])


@ways
@both_ways
@on_loop
async def test_transport(loop, make_file, way):
    """Between what was written before and after, in this order; the reading protocol gets its data later."""
    async with linked(loop, kind="unix") as link:
        with make_file(DATA) as file:
            link.transport.write(b"before" + bytes(300_000))
            sending = loop.create_task(loop.sendfile(way(link.transport), file, 4, 1_000_000))
            await turns(3)
            link.peer.send(b"for the protocol")
            received = await receive_exactly(loop, link.peer, 300_006 + 600_000)
            assert link.protocol.data == b""
            received += await receive_exactly(loop, link.peer, 400_000)
            assert await sending == 1_000_000
            assert file.tell() == 1_000_004
        link.transport.write(b"after")
        received += await receive_exactly(loop, link.peer, 5)
        assert received == b"before" + bytes(300_000) + DATA[4:1_000_004] + b"after"
        assert await link.protocol.received(16) == b"for the protocol"
        assert link.transport.get_protocol() is link.protocol
        assert link.transport.is_reading()
        flow = [event for event in link.protocol.events if event in ("pause", "resume")]
        assert flow == ["pause", "resume"] * (len(flow) // 2)


@ways
@on_loop
async def test_reading_that_was_paused_stays_so(loop, file, way):
    async with linked(loop) as link:
        link.transport.pause_reading()
        await finished(loop.sendfile(way(link.transport), file), receive_exactly(loop, link.peer, len(DATA)))
        assert not link.transport.is_reading()


@native_only
@on_loop
async def test_writing_meanwhile_is_refused(loop, file):
    async with linked(loop, kind="unix") as link:
        sending = loop.create_task(loop.sendfile(link.transport, file))
        await turns(3)
        with pytest.raises(RuntimeError, match="sendfile is in progress"):
            link.transport.write(b"x")
        with pytest.raises(RuntimeError, match="sendfile is in progress"):
            link.transport.writelines([b"x", b"y"])
        assert await receive_exactly(loop, link.peer, len(DATA)) == DATA
        await sending
        link.transport.write(b"x")
        assert await receive_exactly(loop, link.peer, 1) == b"x"


@native_only
@pytest.mark.tulipa_only
@on_loop
async def test_half_close_meanwhile_waits(loop, file):
    async with linked(loop, kind="unix") as link:
        sending = loop.create_task(loop.sendfile(link.transport, file))
        await turns(3)
        link.transport.write_eof()
        assert await receive_exactly(loop, link.peer, len(DATA)) == DATA
        await sending
        assert await loop.sock_recv(link.peer, 10) == b""


@native_only
@pytest.mark.tulipa_only  # the standard loop breaks both
@on_loop
async def test_two_at_once(loop, file):
    async with linked(loop, kind="unix") as link:
        sending = loop.create_task(loop.sendfile(link.transport, file))
        await turns(3)
        with pytest.raises(RuntimeError, match="sendfile is in progress"):
            await loop.sendfile(link.transport, file)
        assert await receive_exactly(loop, link.peer, len(DATA)) == DATA
        assert await sending == len(DATA)


@on_loop
async def test_fallback_switched_off(loop):
    async with linked(loop) as link:
        with pytest.raises(asyncio.SendfileNotAvailableError):
            await loop.sendfile(link.transport, io.BytesIO(DATA), fallback=False)
        with pytest.raises(RuntimeError, match="fallback is disabled"):
            await loop.sendfile(by_reading(link.transport), io.BytesIO(DATA), fallback=False)
        assert link.transport.is_reading()


@on_loop
async def test_transports_that_send_no_files(loop, file):
    async with linked(loop) as link:
        link.transport.close()
        with pytest.raises(RuntimeError, match="closing"):
            await loop.sendfile(link.transport, file)
    transport, protocol = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
    with pytest.raises(RuntimeError, match="not supported for transport"):
        await loop.sendfile(transport, file)
    transport.close()
    await turns(2)


@pytest.mark.tulipa_only  # the standard loop goes on sending on a closed socket
@ways
@pytest.mark.parametrize("way_out", ["close", "abort"])
@on_loop
async def test_closed_meanwhile(loop, file, way, way_out):
    async with nothing_left(loop), linked(loop, kind="unix") as link:
        fill(link.transport.get_extra_info("socket"))
        sending = loop.create_task(loop.sendfile(way(link.transport), file))
        await turns(5)
        getattr(link.transport, way_out)()
        if way_out == "close":
            await receive_rest(loop, link.peer)
        with pytest.raises(ConnectionError):
            await sending
        assert await link.protocol.lost() is None
        assert link.protocol.events.count("lost") == 1


@pytest.mark.tulipa_only
@ways
@on_loop
async def test_peer_of_a_transport_goes(loop, file, way):
    async with nothing_left(loop), linked(loop, kind="unix") as link:
        sending = loop.create_task(loop.sendfile(way(link.transport), file))
        await receive_exactly(loop, link.peer, 100_000)
        link.peer.close()
        with pytest.raises(ConnectionError):
            await sending
        await link.protocol.lost()
        assert link.protocol.events.count("lost") == 1


@pytest.mark.tulipa_only
@ways
@on_loop
async def test_cancelled_over_a_transport(loop, file, way):
    for step in range(6):
        async with linked(loop, kind="unix") as link:
            before = watcher_count(loop)
            link.transport.write(b"before")
            sending = loop.create_task(loop.sendfile(way(link.transport), file))
            await turns(step)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            position = file.tell()
            link.transport.write(b"after")
            link.transport.write_eof()
            received = await receive_rest(loop, link.peer)
            assert received == b"before" + DATA[: len(received) - 11] + b"after"
            assert position == len(received) - 11
            await turns(2)
            assert watcher_count(loop) == before
            file.seek(0)


@pytest.mark.tulipa_only
@on_loop
async def test_back_pressure_of_a_transport(loop):
    """A file that is read does not pile up in the transport."""
    async with linked(loop, kind="unix") as link:
        sending = loop.create_task(loop.sendfile(by_reading(link.transport), io.BytesIO(DATA)))
        await turns(20)
        assert 0 < link.transport.get_write_buffer_size() < 600_000
        assert await receive_exactly(loop, link.peer, len(DATA)) == DATA
        await sending


# --- whatever the mix --------------------------------------------------------------------------

pieces = st.one_of(
    st.tuples(st.just("write"), st.integers(0, 5_000), st.integers(1, 100_000)),
    st.tuples(st.just("file"), st.integers(0, 5_000), st.integers(1, 400_000)),
    st.tuples(st.just("memory"), st.integers(0, 5_000), st.integers(1, 400_000)),
    st.tuples(st.just("slow"), st.integers(0, 5_000), st.integers(1, 400_000)),
)


@pytest.mark.tulipa_only
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(pieces, max_size=6))
def test_writes_and_files_in_order(loop, path, steps):
    async def main():
        expected = bytearray()
        one, other = connected_sockets("unix")
        small_buffers(one, other)
        transport, protocol = await loop.create_connection(Recorder, sock=one)
        with other, open(path, "rb") as file:
            receiving = loop.create_task(receive_rest(loop, other))
            for step, offset, count in steps:
                expected += DATA[offset:][:count]
                if step == "write":
                    transport.write(DATA[offset:][:count])
                elif step == "memory":
                    assert await loop.sendfile(transport, io.BytesIO(DATA), offset, count) == count
                else:
                    target = (by_reading if step == "slow" else by_the_kernel)(transport)
                    assert await loop.sendfile(target, file, offset, count) == count
                    assert file.tell() == offset + count
            transport.close()
            assert await receiving == expected
            await protocol.lost()

    loop.run_until_complete(main())
