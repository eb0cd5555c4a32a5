"""Endpoints that fail at any call: what is sent arrives once and in order, or is told once as an error."""

import errno
import os
import socket

import pytest
from helpers.datagrams import Recorder, drain, fill
from helpers.running import turns
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

transports = pytest.importorskip("tulipa._transports.datagram")
endpoints = pytest.importorskip("tulipa._transports.datagram_endpoint")
pytestmark = pytest.mark.tulipa_only

profile = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

SENDING_ERRORS = [errno.ENOBUFS, errno.ENOMEM, errno.EMSGSIZE, errno.ECONNREFUSED, errno.EPERM, errno.ENETUNREACH]
RECEIVING_ERRORS = [errno.ECONNREFUSED, errno.ENOMEM, errno.EHOSTUNREACH]
ok = st.just("ok")
sending_faults = st.one_of(ok, ok, st.just("not now"), st.just("one"), st.sampled_from(SENDING_ERRORS))
receiving_faults = st.one_of(ok, ok, st.just("not now"), st.sampled_from(RECEIVING_ERRORS))


class Faulty(endpoints.DatagramEndpoint):
    """Passes on to an endpoint, unless it is the turn of a fault; when the faults are over, always."""

    def __init__(self, sock, sending, receiving):
        self.inner = endpoints.DatagramSocketEndpoint(sock)
        self.sending = iter(sending)
        self.receiving = iter(receiving)
        self.told = []
        self.dropped = []

    def fail(self, fault):
        self.told.append(fault)
        raise OSError(fault, os.strerror(fault))

    def receive_datagrams(self):
        fault = next(self.receiving, "ok")
        if fault == "not now":
            return []
        if fault != "ok":
            self.fail(fault)
        return self.inner.receive_datagrams()

    def send_datagrams(self, data, addresses, first, end):
        fault = next(self.sending, "ok")
        if fault == "not now":
            return -1
        if fault == "one":
            end = first + 1
        elif fault != "ok":
            self.dropped.append(data[first])
            self.fail(fault)
        return self.inner.send_datagrams(data, addresses, first, end)

    def close(self):
        self.inner.close()


async def make(loop, sending=(), receiving=()):
    """A faulty endpoint's protocol, the endpoint, and the peer as a bare socket."""
    ours, peer = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    for sock in (ours, peer):
        sock.setblocking(False)
    protocol, endpoint = Recorder(), Faulty(ours, sending, receiving)
    transports.DatagramTransport(loop, ours, protocol, endpoint=endpoint)
    await protocol.saw("made")
    return protocol, endpoint, peer


async def close(protocol, peer):
    """Close it, taking what comes meanwhile; what came."""
    protocol.transport.close()
    received = drain(peer)
    while "lost" not in protocol.events:
        await turns(1)
        received += drain(peer)
    peer.close()
    return received


@profile
@given(st.lists(st.one_of(st.integers(1, 60), st.just("turn")), max_size=8), st.lists(sending_faults, max_size=12))
def test_sending(loop, steps, faults):
    async def main():
        protocol, endpoint, peer = await make(loop, faults)
        sent, received = [], []
        for step in steps:
            if step == "turn":
                await turns(1)
                received += drain(peer)
            else:
                for _ in range(step):
                    sent.append(b"%d" % len(sent))
                    protocol.transport.sendto(sent[-1])
        received += await close(protocol, peer)
        assert received == [data for data in sent if data not in endpoint.dropped]
        assert [error.errno for error in protocol.errors] == endpoint.told
        assert protocol.error is None
        assert protocol.events.count("lost") == 1
        assert protocol.transport.get_write_buffer_size() == 0

    loop.run_until_complete(main())


@profile
@given(st.lists(st.integers(1, 9), max_size=8), st.lists(receiving_faults, max_size=12))
def test_receiving(loop, bursts, faults):
    async def main():
        protocol, endpoint, peer = await make(loop, receiving=faults)
        sent = []
        for count in bursts:
            for _ in range(count):
                sent.append(b"%d" % len(sent))
                peer.send(sent[-1])
            assert await protocol.datagrams(len(sent)) == sent
        assert [error.errno for error in protocol.errors] == endpoint.told
        await close(protocol, peer)

    loop.run_until_complete(main())


def test_refused_for_ever_is_limited_by_back_pressure(loop):
    """A protocol that heeds pause_writing() has no more than the high-water mark and a datagram in the buffer."""

    async def main():
        protocol, endpoint, peer = await make(loop)
        filled = fill(endpoint.inner._sock)
        count = 0
        while "pause" not in protocol.events:
            protocol.transport.sendto(b"")
            count += 1
        assert count == 65536 // 8 + 1
        assert protocol.transport.get_write_buffer_size() == count * 8
        received = drain(peer)
        while len(received) < filled + count:
            await turns(1)
            received += drain(peer)
        assert protocol.events == ["made", "pause", "resume"]
        await close(protocol, peer)

    loop.run_until_complete(main())


@pytest.mark.parametrize("error", [ZeroDivisionError, MemoryError])
def test_errors_that_are_none_of_the_network(loop, loop_errors, error):
    class Broken(Faulty):
        def receive_datagrams(self):
            raise error

    async def main():
        ours, peer = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with peer:
            protocol = Recorder()
            transports.DatagramTransport(loop, ours, protocol, endpoint=Broken(ours, (), ()))
            peer.send(b"x")
            assert isinstance(await protocol.lost(), error)
            assert [type(context["exception"]) for context in loop_errors] == [error]
            loop_errors.clear()

    loop.run_until_complete(main())
