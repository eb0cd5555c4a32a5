"""Datagram transports: what is sent and received, errors, flow control, the end."""

import asyncio
import concurrent.futures
import contextlib
import errno
import logging
import socket

import pytest
from helpers.datagrams import Echo, Recorder, address, bare_socket, drain, endpoint, fill
from helpers.running import on_loop, turns
from helpers.streams import LOOPBACK

unix_only = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no UNIX sockets here")
linux_only = pytest.mark.skipif(not hasattr(socket, "SO_BINDTODEVICE"), reason="tells what Linux does")


@pytest.fixture(autouse=True)
def short_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


# --- sending and receiving ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
@on_loop
async def test_echo(loop, kind):
    async with endpoint(loop, Echo()) as server, endpoint(loop, remote_addr=address(server)) as client:
        client.transport.sendto(kind(b"one"))
        client.transport.sendto(kind(b"two"), None)
        client.transport.sendto(kind(b"three"), address(server))
        assert await client.datagrams(3) == [b"one", b"two", b"three"]
        assert [addr for _, addr in client.received] == [address(server)] * 3
        assert [addr for _, addr in server.received] == [address(client)] * 3


@on_loop
async def test_unconnected_endpoints_talk_to_many(loop):
    async with endpoint(loop, Echo()) as one, endpoint(loop, Echo()) as other, endpoint(loop) as ours:
        for number in range(5):
            ours.transport.sendto(b"1-%d" % number, address(one))
            ours.transport.sendto(b"2-%d" % number, address(other))
        await ours.datagrams(10)
        for protocol, name in ((one, b"1-"), (other, b"2-")):
            expected = [(b"%s%d" % (name, number), address(protocol)) for number in range(5)]
            assert [pair for pair in ours.received if pair[0].startswith(name)] == expected


@pytest.mark.std_since(3, 13)
@on_loop
async def test_empty_datagrams(loop):
    async with endpoint(loop, Echo()) as server, endpoint(loop, remote_addr=address(server)) as client:
        for data in (b"", b"x", b""):
            client.transport.sendto(data)
        assert await client.datagrams(3) == [b"", b"x", b""]


@pytest.mark.parametrize("size", [1, 1472, 1473, 9000, 65507])
@on_loop
async def test_sizes(loop, size):
    data = bytes(range(256)) * 256
    async with endpoint(loop, Echo()) as server, endpoint(loop, remote_addr=address(server)) as client:
        client.transport.sendto(data[:size])
        assert await client.datagrams(1) == [data[:size]]


@unix_only
@on_loop
async def test_large_unix_datagrams(loop):
    """At most 256 KiB of one are given to the protocol; the rest of it is lost."""
    data = bytes(range(256)) * 1200
    ours, peer = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        async with endpoint(loop, sock=ours) as protocol:
            for size in (*range(10), 100_000, 1, 200_000, 262_144, 3, len(data)):
                try:
                    peer.send(data[:size])
                except OSError as exc:
                    assert exc.errno == errno.EMSGSIZE  # the system allows no buffer for that
                    continue
                await protocol.saw("datagram")
                protocol.events.clear()
                assert protocol.received.pop() == (data[:size][:262_144], None)


@on_loop
async def test_many_in_one_turn(loop):
    async with endpoint(loop) as ours:
        with bare_socket() as peer:
            for number in range(150):
                ours.transport.sendto(b"%d" % number, peer.getsockname())
            await turns(2)
            assert drain(peer) == [b"%d" % number for number in range(150)]


@on_loop
async def test_many_that_are_there_at_once(loop):
    async with endpoint(loop) as ours:
        with bare_socket() as peer:
            for number in range(150):
                peer.sendto(b"%d" % number, address(ours))
            assert await ours.datagrams(150) == [b"%d" % number for number in range(150)]


@on_loop
async def test_single_ones_and_many_by_turns(loop):
    """Who has got them one by one for a while gets all of what comes together, too."""
    sent = []
    async with endpoint(loop) as ours:
        with bare_socket() as peer:
            for count in (*[1] * 20, 50, 1, 3, *[1] * 12, 100, 2):
                for _ in range(count):
                    sent.append(b"%d" % len(sent))
                    peer.sendto(sent[-1], address(ours))
                assert await ours.datagrams(len(sent)) == sent
            assert {addr for _, addr in ours.received} == {peer.getsockname()}


@on_loop
async def test_receiving_is_fair(loop):
    """However much is there, other callbacks get their turn before all of it was given out."""
    seen = []
    async with endpoint(loop) as ours:
        with bare_socket() as peer:
            for _ in range(120):
                peer.sendto(b"x", address(ours))
            await ours.saw("datagram")
            loop.call_soon(lambda: seen.append(len(ours.received)))
            await ours.datagrams(120)
    assert seen and seen[0] < 120


@on_loop
async def test_memory_may_change_after_sendto(loop):
    async with endpoint(loop) as ours:
        with bare_socket() as peer:
            data = bytearray(b"before")
            ours.transport.sendto(data, peer.getsockname())
            data[:] = b"after!"
            data.append(0)  # nobody has a view of it any more
            await turns(2)
            assert drain(peer) == [b"before"]


@pytest.mark.tulipa_only  # the standard loop ends with a BufferError
@on_loop
async def test_other_shapes_of_memory(loop):
    async with endpoint(loop) as ours:
        with bare_socket() as peer:
            ours.transport.sendto(memoryview(b"abcdef")[::2], peer.getsockname())
            ours.transport.sendto(memoryview(b"abcdefgh").cast("I"), peer.getsockname())
            await turns(2)
            assert drain(peer) == [b"ace", b"abcdefgh"]


@pytest.mark.parametrize("data", ["text", None, 5, [b"x"]])
@on_loop
async def test_data_of_another_type(loop, data):
    async with endpoint(loop) as ours:
        with pytest.raises(TypeError, match="bytes-like"):
            ours.transport.sendto(data, address(ours))
        assert not ours.transport.is_closing()


# --- errors ------------------------------------------------------------------------------------


@linux_only
@on_loop
async def test_refused_by_the_peers_kernel(loop):
    with bare_socket() as peer:
        gone = peer.getsockname()
    async with endpoint(loop, remote_addr=gone) as ours:
        ours.transport.sendto(b"anybody there?")
        await ours.saw("error")
        assert isinstance(ours.errors[0], ConnectionRefusedError)
        assert not ours.transport.is_closing()
        with bare_socket(name=gone) as peer:
            ours.transport.sendto(b"now?")
            await turns(2)
            assert drain(peer) == [b"now?"]


@linux_only
@on_loop
async def test_refused_many_times(loop):
    with bare_socket() as peer:
        gone = peer.getsockname()
    async with endpoint(loop, remote_addr=gone) as ours:
        for _ in range(40):
            ours.transport.sendto(b"anybody there?")
        await ours.saw("error")
        await turns(3)
        assert {type(error) for error in ours.errors} == {ConnectionRefusedError}
        assert not ours.transport.is_closing()
        assert ours.transport.get_write_buffer_size() == 0


@on_loop
async def test_too_long(loop):
    async with endpoint(loop) as ours:
        with bare_socket() as peer:
            for data in (b"before", bytes(70_000), b"after"):
                ours.transport.sendto(data, peer.getsockname())
            await turns(2)
            assert drain(peer) == [b"before", b"after"]
            assert [error.errno for error in ours.errors] == [errno.EMSGSIZE]
            assert ours.transport.get_write_buffer_size() == 0


@on_loop
async def test_errors_in_the_middle_of_many(loop):
    """What fails is told and gone; the others keep their order."""
    async with endpoint(loop) as ours:
        with bare_socket() as peer:
            for number in range(100):
                data = bytes(70_000) if number % 7 == 3 else b"%d" % number
                ours.transport.sendto(data, peer.getsockname())
            await turns(3)
            assert drain(peer) == [b"%d" % number for number in range(100) if number % 7 != 3]
            assert len(ours.errors) == 14
            assert not ours.transport.is_closing()


@on_loop
async def test_unknown_host_is_an_error(loop):
    async with endpoint(loop) as ours:
        with bare_socket() as peer:
            ours.transport.sendto(b"x", ("tulip.invalid", 9))
            ours.transport.sendto(b"next", peer.getsockname())
            await ours.saw("error")
            assert isinstance(ours.errors[0], socket.gaierror)
            await turns(2)
            assert drain(peer) == [b"next"]


@unix_only
@on_loop
async def test_unix_peer_that_is_gone(loop):
    async with endpoint(loop, family=socket.AF_UNIX) as ours:
        ours.transport.sendto(b"x", "nowhere")
        await ours.saw("error")
        assert isinstance(ours.errors[0], FileNotFoundError)
        ours.transport.sendto(b"x", "a" * 200)
        await ours.saw("error", 2)
        assert "too long" in str(ours.errors[1])
        assert not ours.transport.is_closing()


@on_loop
async def test_error_received_is_optional(loop):
    """asyncio.DatagramProtocol has one that does nothing."""
    async with endpoint(loop, local_addr=(LOOPBACK, 0)) as ours:
        other = asyncio.DatagramProtocol()
        ours.transport.set_protocol(other)
        ours.transport.sendto(bytes(70_000), address(ours))
        await turns(2)
        assert ours.transport.get_protocol() is other
        ours.transport.set_protocol(ours)


# --- flow control ------------------------------------------------------------------------------


@unix_only
@on_loop
async def test_back_pressure(loop):
    """A UNIX peer whose queue is full: the protocol pauses, then all of it arrives in order."""
    with bare_socket(socket.AF_UNIX, "peer") as peer:
        async with endpoint(loop, remote_addr="peer", family=socket.AF_UNIX) as ours:
            sent = []
            while "pause" not in ours.events:
                sent.append(b"%06d" % len(sent) + bytes(1000))
                ours.transport.sendto(sent[-1])
                if len(sent) % 10 == 0:
                    await turns(1)
            low, high = ours.transport.get_write_buffer_limits()
            size = ours.transport.get_write_buffer_size()
            assert (low, high) == (16384, 65536)
            assert high < size <= high + len(sent[0]) + 8
            received = drain(peer)
            while len(received) < len(sent):
                await turns(1)
                received += drain(peer)
            assert received == sent
            await ours.saw("resume")
            assert ours.events == ["made", "pause", "resume"]


@unix_only
@on_loop
async def test_limits(loop):
    with bare_socket(socket.AF_UNIX, "peer") as peer:
        async with endpoint(loop, remote_addr="peer", family=socket.AF_UNIX) as ours:
            fill(ours.transport.get_extra_info("socket")._sock)
            ours.transport.set_write_buffer_limits(high=100, low=20)
            assert ours.transport.get_write_buffer_limits() == (20, 100)
            ours.transport.sendto(b"x" * 60)
            await turns(2)
            assert ours.events == ["made"]
            ours.transport.sendto(b"x" * 60)
            assert ours.events == ["made", "pause"]
            drain(peer)
            await ours.saw("resume")
            for limits in ({"high": 1, "low": 2}, {"high": -1}, {"low": -1}):
                with pytest.raises(ValueError):
                    ours.transport.set_write_buffer_limits(**limits)
            ours.transport.set_write_buffer_limits(low=10)
            assert ours.transport.get_write_buffer_limits() == (10, 40)
            ours.transport.set_write_buffer_limits()
            assert ours.transport.get_write_buffer_limits() == (16384, 65536)


@pytest.mark.tulipa_only  # a part of the standard loops counts the headers on one side only
@unix_only
@on_loop
async def test_size_of_the_buffer(loop):
    with bare_socket(socket.AF_UNIX, "peer") as peer:
        async with endpoint(loop, remote_addr="peer", family=socket.AF_UNIX) as ours:
            fill(ours.transport.get_extra_info("socket")._sock)
            for number in range(1, 6):
                ours.transport.sendto(b"")
                ours.transport.sendto(b"12")
                assert ours.transport.get_write_buffer_size() == number * 18
            ours.transport.set_write_buffer_limits(high=0)
            assert ours.events[-1] == "pause"
            while ours.transport.get_write_buffer_size():
                drain(peer)
                await turns(1)
            await ours.saw("resume")


@pytest.mark.tulipa_only  # the standard loop never stops when nothing is ever refused
@on_loop
async def test_gathered_datagrams_are_limited(loop):
    """Much of it does not wait for the end of the turn."""
    async with endpoint(loop) as ours:
        with bare_socket() as peer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            for _ in range(70):
                ours.transport.sendto(bytes(1000), peer.getsockname())
            assert len(drain(peer)) >= 64
            assert ours.transport.get_write_buffer_size() == 0
            assert "pause" not in ours.events


@on_loop
async def test_pausing_to_read(loop):
    async with endpoint(loop) as ours:
        with bare_socket() as peer:
            assert ours.transport.is_reading()
            ours.transport.pause_reading()
            ours.transport.pause_reading()
            assert not ours.transport.is_reading()
            peer.sendto(b"later", address(ours))
            await turns(5)
            assert ours.received == []
            ours.transport.resume_reading()
            ours.transport.resume_reading()
            assert await ours.datagrams(1) == [b"later"]


# --- the end -----------------------------------------------------------------------------------


@on_loop
async def test_close_sends_what_was_asked_for(loop):
    with bare_socket() as peer:
        async with endpoint(loop) as ours:
            for number in range(40):
                ours.transport.sendto(b"%d" % number, peer.getsockname())
            ours.transport.close()
            assert ours.transport.is_closing()
            assert await ours.lost() is None
            assert drain(peer) == [b"%d" % number for number in range(40)]
            ours.transport.close()
            ours.transport.abort()
            await turns(2)
            assert ours.events == ["made", "lost"]


@unix_only
@on_loop
async def test_close_waits_for_what_the_kernel_refused(loop):
    with bare_socket(socket.AF_UNIX, "peer") as peer:
        async with endpoint(loop, remote_addr="peer", family=socket.AF_UNIX) as ours:
            filled = fill(ours.transport.get_extra_info("socket")._sock)
            ours.transport.sendto(b"last")
            ours.transport.close()
            await turns(3)
            assert ours.events == ["made"]
            assert len(drain(peer)) == filled
            assert await ours.lost() is None
            assert drain(peer) == [b"last"]


@pytest.mark.tulipa_only  # the standard loop goes on counting what it dropped
@unix_only
@on_loop
async def test_abort_drops_what_the_kernel_refused(loop):
    with bare_socket(socket.AF_UNIX, "peer") as peer:
        async with endpoint(loop, remote_addr="peer", family=socket.AF_UNIX) as ours:
            filled = fill(ours.transport.get_extra_info("socket")._sock)
            ours.transport.sendto(b"dropped")
            ours.transport.abort()
            assert ours.transport.is_closing()
            assert await ours.lost() is None
            assert ours.transport.get_write_buffer_size() == 0
            assert len(drain(peer)) == filled


@pytest.mark.tulipa_only  # the standard loop goes on sending, then breaks
@on_loop
async def test_sendto_after_close(loop, caplog):
    with bare_socket() as peer:
        for options in ({"remote_addr": peer.getsockname()}, {"local_addr": (LOOPBACK, 0)}):
            async with endpoint(loop, **options) as ours:
                ours.transport.close()
                ours.transport.sendto(b"ignored", peer.getsockname())
                await ours.lost()
                with caplog.at_level(logging.WARNING, "asyncio"):
                    for _ in range(4):
                        ours.transport.sendto(b"ignored", peer.getsockname())
                assert "closed" in caplog.text
                caplog.clear()
                assert drain(peer) == []


@pytest.mark.std_since(3, 12)
@on_loop
async def test_what_there_is_to_know(loop):
    async with endpoint(loop, Echo()) as server, endpoint(loop, remote_addr=address(server)) as client:
        for protocol, peername in ((server, None), (client, address(server))):
            transport = protocol.transport
            assert isinstance(transport, asyncio.DatagramTransport)
            assert isinstance(transport, asyncio.Transport)
            sock = transport.get_extra_info("socket")
            assert sock.getsockname() == transport.get_extra_info("sockname")
            assert transport.get_extra_info("peername") == peername
            assert transport.get_extra_info("nothing", 5) == 5
            assert f"fd={sock.fileno()}" in repr(transport) and "Datagram" in repr(transport)
            assert "bufsize=0" in repr(transport)
            assert transport.get_protocol() is protocol
            assert not transport.is_closing()
        server.transport.close()
        assert "closing" in repr(server.transport)
        await server.lost()
        await turns(1)
        assert "closed" in repr(server.transport)


@on_loop
async def test_set_protocol(loop):
    async with endpoint(loop) as ours:
        with bare_socket() as peer:
            other = Recorder()
            ours.transport.set_protocol(other)
            peer.sendto(b"for the other", address(ours))
            assert await other.datagrams(1) == [b"for the other"]
            ours.transport.set_protocol(ours)
            peer.sendto(b"for the first", address(ours))
            assert await ours.datagrams(1) == [b"for the first"]


def test_sending_outside_of_a_turn(loop):
    transport, protocol = loop.run_until_complete(
        loop.create_datagram_endpoint(Recorder, local_addr=(LOOPBACK, 0))
    )
    with bare_socket() as peer, contextlib.closing(transport):
        transport.sendto(b"now", peer.getsockname())
        assert drain(peer) == [b"now"]
    loop.run_until_complete(protocol.lost())


@pytest.mark.tulipa_only  # the standard loop leaves the socket open
def test_close_after_the_loop(loop_factory):
    loop = loop_factory()
    transport, _ = loop.run_until_complete(loop.create_datagram_endpoint(Recorder, local_addr=(LOOPBACK, 0)))
    loop.close()
    transport.close()
    assert transport.get_extra_info("socket").fileno() == -1


def test_loops_in_several_threads(loop_factory):
    """All share the space that datagrams are received into, and the addresses that are kept."""

    async def main(name):
        loop = asyncio.get_running_loop()
        async with endpoint(loop, Echo()) as server, endpoint(loop) as client:
            for start in range(0, 1000, 50):
                sent = [b"%s %d " % (name, number) * 50 for number in range(start, start + 50)]
                for data in sent:
                    client.transport.sendto(data, address(server))
                assert (await client.datagrams(start + 50))[start:] == sent
            assert {addr for _, addr in client.received} == {address(server)}

    def run(name):
        loop = loop_factory()
        try:
            loop.run_until_complete(asyncio.wait_for(main(name), 60))
        finally:
            loop.close()

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        list(pool.map(run, (b"one", b"two", b"three")))
