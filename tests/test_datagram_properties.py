"""Whatever the mix of sends, pauses and errors: every datagram arrives once, whole and in order."""

import asyncio
import re
import socket

import pytest
from helpers.datagrams import Recorder, bare_socket, drain
from helpers.running import turns
from helpers.streams import LOOPBACK, has_ipv6
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

settings.register_profile(
    "datagrams",
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
profile = settings.get_profile("datagrams")

TOO_LONG = 300_000  # for any socket here
sizes = st.one_of(st.integers(0, 10), st.integers(0, 2_000), st.sampled_from([9_000, 65_507]))
kinds = st.sampled_from([bytes, bytearray, memoryview])
sender_steps = st.one_of(
    st.tuples(st.just("send"), sizes, kinds),
    st.tuples(st.just("burst"), st.integers(1, 80)),
    st.tuples(st.just("fail")),
    st.tuples(st.just("turns"), st.integers(1, 3)),
    st.tuples(st.just("limits"), st.sampled_from([0, 1, 1000, 1_000_000])),
)
receiver_steps = st.one_of(
    st.tuples(st.just("pause_reading")),
    st.tuples(st.just("resume_reading")),
    st.tuples(st.just("turns"), st.integers(1, 5)),
)


class Datagrams:
    """Makes datagrams of which one that is lost, doubled, swapped or cut shows."""

    def __init__(self):
        self.made = []

    def make(self, size):
        data = b"%d:" % len(self.made) + bytes(size)
        self.made.append(data[: max(size, 8)])
        return self.made[-1]


async def run_sender(transport, steps, source, address=None):
    """Do the steps; how many datagrams have to fail."""
    failing = 0
    for step, *arguments in steps:
        if step == "send":
            size, kind = arguments
            transport.sendto(kind(source.make(size)), address)
        elif step == "burst":
            for _ in range(*arguments):
                transport.sendto(source.make(20), address)
        elif step == "fail":
            transport.sendto(bytes(TOO_LONG), address)
            failing += 1
        elif step == "limits":
            transport.set_write_buffer_limits(high=arguments[0])
        else:
            await turns(*arguments)
    return failing


async def run_receiver(transport, steps):
    for step, *arguments in steps:
        if step == "turns":
            await turns(*arguments)
        else:
            getattr(transport, step)()
    transport.resume_reading()


def assert_a_sensible_life(protocol):
    """connection_made first, connection_lost last; pause and resume take turns."""
    assert protocol.events[0] == "made" and protocol.events[-1] == "lost"
    for once in ("made", "lost"):
        assert protocol.events.count(once) == 1
    flow = " ".join(event for event in protocol.events if event in ("pause", "resume"))
    assert re.fullmatch(r"(pause resume ?)*(pause)?", flow)


@pytest.mark.tulipa_only  # the standard loop tries without a pause, and calls resume_writing() at odd times
@pytest.mark.skipif(not hasattr(socket, "SO_BINDTODEVICE"), reason="a UNIX socket that is full blocks on Linux only")
@pytest.mark.parametrize("connected", [True, False])
@profile
@given(st.lists(sender_steps, max_size=12), st.lists(receiver_steps, max_size=12))
def test_every_datagram_once_and_in_order(loop, tmp_path, monkeypatch, connected, sends, receives):
    """UNIX sockets lose nothing: the queue of one is soon full, which must cost no datagram."""

    async def main():
        source, sending, receiving = Datagrams(), Recorder(), Recorder()
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sock.bind("")  # an abstract name of its own
        name = sock.getsockname()
        receiver, _ = await loop.create_datagram_endpoint(lambda: receiving, sock=sock)
        ours = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        if connected:
            ours.connect(name)
        sender, _ = await loop.create_datagram_endpoint(lambda: sending, sock=ours)
        pausing = loop.create_task(run_receiver(receiver, receives))
        failing = await run_sender(sender, sends, source, None if connected else name)
        sender.close()
        assert await sending.lost() is None
        await pausing
        assert await receiving.datagrams(len(source.made)) == source.made
        receiver.close()
        await receiving.lost()
        assert [error.errno for error in sending.errors] == [90] * failing
        assert_a_sensible_life(sending)
        assert_a_sensible_life(receiving)

    loop.run_until_complete(main())


@pytest.mark.parametrize("host", [LOOPBACK, "::1"])
@profile
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 500), st.integers(0, 2)), max_size=60))
def test_many_peers(loop, host, sends):
    """To each peer what was meant for it, in order; from each under its own address."""
    if ":" in host and not has_ipv6():
        pytest.skip("no IPv6 here")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET

    async def main():
        protocol = Recorder()
        transport, _ = await loop.create_datagram_endpoint(lambda: protocol, local_addr=(host, 0))
        name = transport.get_extra_info("sockname")
        with bare_socket(family) as one, bare_socket(family) as two, bare_socket(family) as three:
            peers = (one, two, three)
            sources = [Datagrams() for _ in peers]
            for which, size, pause in sends:
                transport.sendto(sources[which].make(size), peers[which].getsockname())
                await turns(pause)
            await turns(2)
            for peer, source in zip(peers, sources, strict=True):
                assert drain(peer) == source.made
            expected = []
            for which, size, pause in sends:
                data = sources[which].make(size)
                peers[which].sendto(data, name)
                expected.append((data, peers[which].getsockname()))
                await turns(pause)
            await protocol.datagrams(len(expected))
            assert protocol.received == expected
        transport.close()
        await protocol.lost()

    loop.run_until_complete(main())


@pytest.mark.tulipa_only
@profile
@given(st.lists(sender_steps, max_size=8), st.integers(0, 8))
def test_aborted_anywhere_delivers_a_prefix(loop, sends, moment):
    async def main():
        source, sending = Datagrams(), Recorder()
        ours, peer = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with peer:
            peer.setblocking(False)
            sender, _ = await loop.create_datagram_endpoint(lambda: sending, sock=ours)
            await run_sender(sender, sends[:moment], source)
            sender.abort()
            await run_sender(sender, sends[moment:], Datagrams())
            await sending.lost()
            arrived = drain(peer)
            assert arrived == source.made[: len(arrived)]
            assert_a_sensible_life(sending)

    loop.run_until_complete(asyncio.wait_for(main(), 60))
