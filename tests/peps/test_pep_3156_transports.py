"""PEP 3156: connections, servers, stream transports and their protocols, flow control."""

import asyncio
import contextlib
import os
import socket

import pytest
from helpers.running import on_loop, turns
from helpers.streams import (
    LOOPBACK,
    Echo,
    Factory,
    Recorder,
    address,
    closed,
    connected_sockets,
    fill,
    linked,
    receive_all,
    receive_exactly,
    refusing_port,
    reset,
    serving,
    small_buffers,
)
from helpers.traces import on_one_loop
from hypothesis import given
from hypothesis import strategies as st


@contextlib.asynccontextmanager
async def connected(loop, factory=Recorder, *target, **options):
    """The protocol of a new connection, which is aborted at the end of the block."""
    transport, protocol = await loop.create_connection(factory, *target, **options)
    try:
        yield protocol, transport
    finally:
        transport.abort()
        await closed(transport)


# --- create_connection -----------------------------------------------------------------------------


@on_loop
async def test_create_connection_gives_the_pair_and_ties_it_together(loop):
    factory = Factory()
    async with serving(loop, Echo) as server:
        host, port = address(server)
        async with connected(loop, factory, host, port) as (protocol, transport):
            assert factory.made == [protocol] and factory.events == ["called"]
            await protocol.saw("made")
            assert protocol.transport is transport and isinstance(transport, asyncio.Transport)
            transport.write(b"hello")
            assert await protocol.received(5) == b"hello"
            assert transport.get_extra_info("peername") == (host, port)


@on_loop
async def test_the_factory_may_return_a_protocol_made_before(loop):
    protocol = Recorder()
    async with serving(loop, Echo) as server:
        async with connected(loop, lambda: protocol, *address(server)) as (got, _):
            assert got is protocol


@on_loop
async def test_create_connection_that_fails_raises(loop):
    with refusing_port() as port:
        with pytest.raises(ConnectionRefusedError):
            await loop.create_connection(_never, LOOPBACK, port)
    with pytest.raises(OSError):
        await loop.create_connection(_never, "127.0.0.1", 1, family=socket.AF_INET6)


def _never():
    raise AssertionError("there is nothing to have a protocol for")


@on_loop
async def test_family_proto_and_flags_reach_getaddrinfo(loop):
    asked = []

    async def getaddrinfo(host, port, **options):
        asked.append(options)
        raise socket.gaierror("looked")

    loop.getaddrinfo = getaddrinfo
    options = {"family": socket.AF_INET, "proto": socket.IPPROTO_TCP, "flags": socket.AI_CANONNAME}
    with pytest.raises(OSError):
        await loop.create_connection(_never, "name.invalid", 80, **options)
    assert asked == [{**options, "type": socket.SOCK_STREAM}]


def resolving_to(loop, *hosts):
    """From now on every name means these addresses, in this order."""

    async def getaddrinfo(host, port, *, type=0, **options):
        return [(socket.AF_INET, type, 0, "", (host, port)) for host in hosts]

    loop.getaddrinfo = getaddrinfo


@on_loop
async def test_the_addresses_of_a_host_are_tried_in_turn(loop):
    async with serving(loop, Echo) as server:
        resolving_to(loop, "127.0.0.2", LOOPBACK, "127.0.0.3")
        async with connected(loop, Recorder, "name.example", address(server)[1]) as (_, transport):
            assert transport.get_extra_info("peername")[0] == LOOPBACK


@on_loop
async def test_sock_is_used_instead_of_host_and_port(loop):
    sock, peer = connected_sockets()
    with pytest.raises(ValueError):
        await loop.create_connection(_never, LOOPBACK, 80, sock=sock)
    with pytest.raises(ValueError):
        await loop.create_connection(_never)
    async with connected(loop, sock=sock) as (_, transport):
        assert transport.get_extra_info("socket").fileno() == sock.fileno()
    peer.close()


@on_loop
async def test_local_addr_binds_the_socket(loop):
    async with serving(loop, Echo) as server:
        async with connected(loop, Recorder, *address(server), local_addr=(LOOPBACK, 0)) as (_, transport):
            assert transport.get_extra_info("sockname")[0] == LOOPBACK


@on_loop
async def test_server_hostname_is_only_for_ssl(loop):
    sock, peer = connected_sockets()
    with sock, peer, pytest.raises(ValueError):
        await loop.create_connection(_never, sock=sock, server_hostname="name")


# --- create_server, Servers ---------------------------------------------------------------------------


@on_loop
async def test_a_server_makes_a_new_protocol_for_each_connection(loop):
    factory = Factory(Echo)
    async with serving(loop, factory) as server:
        async with connected(loop, Recorder, *address(server)) as (one, first):
            async with connected(loop, Recorder, *address(server)) as (other, second):
                first.write(b"first")
                second.write(b"second")
                assert await one.received(5) == b"first" and await other.received(6) == b"second"
                assert len(set(map(id, factory.made))) == 2
    assert all([made.events[0] == "made" for made in factory.made])


@on_loop
async def test_create_server_takes_a_sock_and_no_host_then(loop):
    listener = socket.create_server((LOOPBACK, 0))
    with pytest.raises(ValueError):
        await loop.create_server(_never, LOOPBACK, 0, sock=listener)
    with pytest.raises(ValueError):
        await loop.create_server(_never)
    server = await loop.create_server(Echo, sock=listener)
    assert server.sockets[0].fileno() == listener.fileno()
    server.close()
    await server.wait_closed()


@on_loop
async def test_reuse_address_is_on_by_default_and_backlog_is_passed(loop):
    async with serving(loop, Echo, backlog=7) as server:
        sock = server.sockets[0]
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
    async with serving(loop, Echo, reuse_address=False) as server:
        assert not server.sockets[0].getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)


@on_loop
async def test_multiple_sockets_may_be_bound(loop):
    server = await loop.create_server(Echo, ["127.0.0.1", "127.0.0.2"], 0)
    assert {sock.getsockname()[0] for sock in server.sockets} == {"127.0.0.1", "127.0.0.2"}
    server.close()
    await server.wait_closed()


@on_loop
async def test_closing_a_server_stops_accepting_and_leaves_the_accepted(loop):
    factory = Factory(Echo)
    server = await loop.create_server(factory, LOOPBACK, 0)
    host, port = address(server)
    transport, protocol = await loop.create_connection(Recorder, host, port)
    await factory.connected()
    server.close()
    with pytest.raises(ConnectionRefusedError):
        await loop.create_connection(_never, host, port)
    transport.write(b"still served")
    assert await protocol.received(12) == b"still served"
    transport.close()
    await protocol.lost()
    await factory.made[0].lost()
    await server.wait_closed()


@pytest.mark.std_since(3, 12)
@on_loop
async def test_wait_closed_waits_for_all_accepted_requests(loop):
    factory = Factory(Echo)
    server = await loop.create_server(factory, LOOPBACK, 0)
    transport, protocol = await loop.create_connection(Recorder, *address(server))
    await factory.connected()
    server.close()
    waiting = loop.create_task(server.wait_closed())
    await turns(5)
    assert not waiting.done()
    transport.close()
    await waiting
    assert "lost" in factory.made[0].events


# --- Stream Transports: writing ------------------------------------------------------------------------

pieces = st.lists(
    st.tuples(
        st.sampled_from([bytes, bytearray, memoryview]), st.binary(min_size=1, max_size=3000), st.sampled_from("wl ")
    ),
    max_size=12,
)


@on_one_loop
@given(pieces)
def test_writes_are_equivalent_however_they_are_cut(loop, cut):
    """`write` of pieces, `writelines` of them, with and without turns between, is `write` of all of it."""

    async def main():
        async with linked(loop) as link:
            waiting = []
            for kind, data, how in cut:
                if how == "l":
                    waiting.append(kind(data))
                    continue
                # The standard library's spins on empty ones, from Python 3.12 on.
                assert not waiting or link.transport.writelines(waiting) is None
                waiting.clear()
                assert link.transport.write(kind(data)) is None
                if how == " ":
                    await asyncio.sleep(0)
            if waiting:
                link.transport.writelines(iter(waiting))
            link.transport.close()
            assert await receive_all(loop, link.peer) == b"".join(data for _, data, _ in cut)

    loop.run_until_complete(main())


@pytest.mark.tulipa_only  # see above
@on_loop
async def test_empty_writes_send_nothing(loop):
    async with linked(loop) as link:
        link.transport.writelines([])
        link.transport.write(b"")
        link.transport.writelines([b"", b"a", b"", b"b"])
        assert await receive_exactly(loop, link.peer, 2) == b"ab"
        assert link.transport.get_write_buffer_size() == 0


@on_loop
async def test_write_takes_bytes_only(loop):
    async with linked(loop) as link:
        for wrong in ("text", None, 42, [b"list"]):
            with pytest.raises(TypeError):
                link.transport.write(wrong)


@on_loop
async def test_write_eof_ends_the_writing_end_only(loop):
    async with linked(loop) as link:
        assert link.transport.can_write_eof() is True
        link.transport.write(b"x" * 100000)
        link.transport.write_eof()
        with pytest.raises(RuntimeError):
            link.transport.write(b"more")
        assert await receive_all(loop, link.peer) == b"x" * 100000
        link.peer.send(b"answer")
        assert await link.protocol.received(6) == b"answer"


@on_loop
async def test_get_write_buffer_size_knows_what_waits(loop):
    async with linked(loop, kind="unix") as link:
        assert link.transport.get_write_buffer_size() == 0
        filled = fill(link.transport.get_extra_info("socket"))
        link.transport.write(b"x" * 1000)
        assert link.transport.get_write_buffer_size() == 1000
        await receive_exactly(loop, link.peer, len(filled) + 1000)
        await turns(3)
        assert link.transport.get_write_buffer_size() == 0


@on_loop
async def test_close_flushes_then_calls_connection_lost_with_none(loop):
    async with linked(loop, kind="unix") as link:
        filled = fill(link.transport.get_extra_info("socket"))
        link.transport.write(b"buffered")
        assert link.transport.close() is None and link.transport.is_closing()
        link.peer.send(b"too late")
        await turns(5)
        assert link.protocol.events == ["made"]
        received = await receive_all_after(loop, link.peer)
        assert received == filled + b"buffered"
        assert await link.protocol.lost() is None and link.protocol.data == b""


async def receive_all_after(loop, sock):
    data = bytearray()
    with contextlib.suppress(ConnectionResetError):
        while chunk := await loop.sock_recv(sock, 65536):
            data += chunk
    return bytes(data)


@on_loop
async def test_abort_throws_buffered_data_away(loop):
    async with linked(loop, kind="unix") as link:
        filled = fill(link.transport.get_extra_info("socket"))
        link.transport.write(b"thrown away")
        link.transport.abort()
        assert await link.protocol.lost() is None
        assert link.protocol.events == ["made", "lost"]
        assert await receive_all(loop, link.peer) == filled


@on_loop
async def test_get_extra_info_gives_the_default_for_unknown_names(loop):
    async with linked(loop) as link:
        assert link.transport.get_extra_info("unknown") is None
        assert link.transport.get_extra_info("unknown", "default") == "default"
        assert link.transport.get_extra_info("peername") == link.peer.getsockname()


# --- Stream Transports: reading --------------------------------------------------------------------------


@on_loop
async def test_pause_reading_suspends_and_resume_reading_restarts_delivery(loop):
    async with linked(loop) as link:
        link.transport.pause_reading()
        assert not link.transport.is_reading()
        link.peer.send(b"data")
        await turns(5)
        assert link.protocol.data == b""
        link.transport.resume_reading()
        assert link.transport.is_reading()
        assert await link.protocol.received(4) == b"data"


@on_one_loop
@given(st.lists(st.binary(min_size=1, max_size=2000), max_size=10))
def test_data_received_gets_non_empty_bytes_and_all_of_them(loop, chunks):
    async def main():
        async with linked(loop) as link:
            for chunk in chunks:
                await loop.sock_sendall(link.peer, chunk)
            link.peer.shutdown(socket.SHUT_WR)
            await link.protocol.lost()
            # The recorder asserts the type, and that none is empty.
            assert link.protocol.data == b"".join(chunks)
            names = [event for event in link.protocol.events if event != "data"]
            assert names == ["made", "eof", "lost"]

    loop.run_until_complete(main())


@pytest.mark.parametrize("answer", [None, False, True])
def test_eof_received_decides_who_closes(loop, answer):
    async def main():
        async with linked(loop, Recorder(keep_open=answer)) as link:
            link.peer.shutdown(socket.SHUT_WR)
            await link.protocol.saw("eof")
            await turns(3)
            assert link.transport.is_closing() is (not answer)
            if answer:
                link.transport.write(b"answer")
                assert await receive_exactly(loop, link.peer, 6) == b"answer"
                link.transport.close()
            assert await link.protocol.lost() is None
            assert link.protocol.events == ["made", "eof", "lost"]

    loop.run_until_complete(main())


def test_the_default_of_eof_received_is_none():
    assert asyncio.Protocol().eof_received() is None


@on_loop
async def test_connection_lost_gets_the_unexpected_error(loop):
    async with linked(loop) as link:
        reset(link.peer)
        assert isinstance(await link.protocol.lost(), ConnectionResetError)
        assert link.protocol.events == ["made", "lost"]


# --- flow control -----------------------------------------------------------------------------------------


@on_loop
async def test_pause_writing_above_the_high_mark_and_resume_below_the_low_one(loop):
    async with linked(loop, kind="unix") as link:
        filled = fill(link.transport.get_extra_info("socket"))
        link.transport.set_write_buffer_limits(high=1000, low=100)
        link.transport.write(b"x" * 1000)
        await turns(2)
        assert link.protocol.events == ["made"]
        link.transport.write(b"x")
        await turns(2)
        assert link.protocol.events == ["made", "pause"]
        link.transport.write(b"x" * 1000)
        await turns(2)
        assert link.protocol.events == ["made", "pause"]
        await receive_exactly(loop, link.peer, len(filled) + 2001)
        await link.protocol.saw("resume")
        assert link.protocol.events == ["made", "pause", "resume"]


@on_loop
async def test_limits_are_checked_and_have_defaults(loop):
    async with linked(loop) as link:
        for wrong in ({"high": 1, "low": 2}, {"high": -1}, {"low": -1, "high": 5}):
            with pytest.raises(ValueError):
                link.transport.set_write_buffer_limits(**wrong)
        link.transport.set_write_buffer_limits(high=1000)
        low, high = link.transport.get_write_buffer_limits()
        assert 0 <= low <= high == 1000
        link.transport.set_write_buffer_limits(high=0)
        assert link.transport.get_write_buffer_limits() == (0, 0)
        link.transport.set_write_buffer_limits()
        low, high = link.transport.get_write_buffer_limits()
        assert 0 < low <= high


@on_loop
async def test_high_zero_pauses_whenever_something_waits(loop):
    async with linked(loop, kind="unix") as link:
        filled = fill(link.transport.get_extra_info("socket"))
        link.transport.set_write_buffer_limits(high=0)
        link.transport.write(b"x")
        await turns(2)
        assert link.protocol.events == ["made", "pause"]
        await receive_exactly(loop, link.peer, len(filled) + 1)
        await link.protocol.saw("resume")
        assert link.transport.get_write_buffer_size() == 0


@on_one_loop
@given(
    st.lists(st.integers(1, 30000), max_size=8),
    st.integers(0, 20000),
    st.integers(0, 20000),
    st.sampled_from(["close", "abort", "eof from the peer", "reset"]),
)
def test_order_and_multiplicity_of_all_calls(loop, sizes, high, low, end):
    """One connection_made; pauses and resumes in pairs, not nested; one eof; connection_lost last, once."""

    async def main():
        ours, peer = connected_sockets()
        small_buffers(ours, peer)
        protocol = Recorder()
        transport, _ = await loop.create_connection(lambda: protocol, sock=ours)
        transport.set_write_buffer_limits(high=max(high, low), low=min(high, low))
        for size in sizes:
            transport.write(os.urandom(size))
            with contextlib.suppress(BlockingIOError):
                peer.recv(20000)
            peer.send(b"x")
            await asyncio.sleep(0)
        {"close": transport.close, "abort": transport.abort, "reset": lambda: reset(peer)}.get(
            end, lambda: peer.shutdown(socket.SHUT_WR)
        )()
        receiving = loop.create_task(receive_all_after(loop, peer)) if end != "reset" else None
        await protocol.lost()
        await closed(transport)
        if receiving is not None:
            await receiving
            peer.close()
        check_order(protocol.events)

    loop.run_until_complete(main())


def check_order(events):
    assert events[0] == "made" and events[-1] == "lost"
    assert events.count("made") == events.count("lost") == 1
    assert events.count("eof") <= 1
    assert "data" not in events[events.index("eof") :] if "eof" in events else True
    flow = [event for event in events if event in ("pause", "resume")]
    assert flow == (["pause", "resume"] * len(flow))[: len(flow)]
