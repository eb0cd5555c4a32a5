"""Whatever fails meanwhile: each datagram arrives whole, once and in order, or its error is told once."""

import asyncio
import re
import socket

import pytest
from helpers.datagrams import Recorder
from helpers.faults import Script, driver_faults, endpoint_faults, profile
from helpers.running import turns
from helpers.streams import LOOPBACK, nothing_left
from hypothesis import given
from hypothesis import strategies as st

# Some of them raise on purpose: that is reported, and changes nothing else.
_callbacks = st.sampled_from(["made", "datagram", "error", "pause", "resume", "lost"])
_calm = st.one_of(
    st.tuples(st.just("sendto"), st.sampled_from([0, 1, 100, 1000, 8000])),
    st.tuples(st.just("sendto"), st.sampled_from([0, 1, 100, 1000, 8000])),
    st.tuples(st.just("turns"), st.integers(1, 4)),
    st.tuples(st.just("limits"), st.sampled_from([0, 1, 1000])),
    st.tuples(st.sampled_from(["pause_reading", "resume_reading"])),
    st.tuples(st.just("raise"), _callbacks),
)
_ends = st.tuples(st.sampled_from(["close", "abort"]))
steps = st.lists(_calm, max_size=25)
steps_with_ends = st.lists(st.one_of(_calm, _calm, _calm, _ends), max_size=25)
errors = st.sampled_from(["ENOBUFS", "ECONNREFUSED", "EHOSTUNREACH", "EPERM", "ENETDOWN"])
faults = st.lists(st.one_of(endpoint_faults.map(lambda verdicts: verdicts[:3]), errors.map(lambda name: [name])),
                  max_size=12).map(lambda parts: sum(parts, []))


class Oops(Exception):
    """Raised by a protocol's callback on purpose."""


class Talker(Recorder):
    def __init__(self):
        super().__init__()
        self.sent = []
        self.failing = []
        self.failures = []
        self.ended = False
        self.paused = False

    def datagram_received(self, data, addr):
        assert not self.paused and not self.ended
        super().datagram_received(data, addr)

    def note(self, event):
        super().note(event)
        if event in self.failing:
            self.failing.remove(event)
            self.failures.append(Oops(event))
            raise self.failures[-1]

    async def play(self, steps):
        for step, *arguments in steps:
            if step == "turns":
                await turns(*arguments)
            elif step == "raise":
                self.failing.extend(arguments)
            elif step == "limits":
                self.transport.set_write_buffer_limits(high=arguments[0])
            elif step == "sendto":
                if not self.ended:
                    self.sent.append(b"%d:" % len(self.sent) + b"x" * arguments[0])
                    self.transport.sendto(self.sent[-1])
            else:
                self.ended = self.ended or step in ("close", "abort")
                self.paused = step == "pause_reading" or self.paused and step != "resume_reading"
                getattr(self.transport, step)()

    def check(self, peer, script, peer_script):
        assert self.events[0] == "made" and self.events[-1] == "lost"
        assert self.events.count("made") == self.events.count("lost") == 1
        flow = " ".join(event for event in self.events if event in ("pause", "resume"))
        assert re.fullmatch(r"(pause resume ?)*(pause)?", flow)
        assert self.error is None
        numbers = [int(data.partition(b":")[0]) for data, _ in self.received]
        assert numbers == sorted(set(numbers)), "doubled or out of order"
        assert all(data == peer.sent[number] for number, (data, _) in zip(numbers, self.received, strict=True))
        if not self.ended and not peer.ended:
            assert self.errors == [error for error, _ in script.raised]
            # Each error of the other side was met by one datagram, or by none, when it was receiving.
            assert 0 <= len(peer.sent) - len(numbers) <= len(peer_script.raised)


def pair(kind):
    if kind == "unix":
        return socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for sock in socks:
        sock.bind((LOOPBACK, 0))
    for sock, other in zip(socks, reversed(socks), strict=True):
        sock.connect(other.getsockname())
    return socks


def run(loop, injected, loop_errors, kind, all_steps, verdicts, waits):
    async def main():
        talkers, scripts = [Talker(), Talker()], [Script(some) for some in verdicts]
        async with nothing_left(loop):
            injected.waits.extend(waits)
            injected.scripts.extend(scripts)
            for talker, sock in zip(talkers, pair(kind), strict=True):
                await loop.create_datagram_endpoint(lambda talker=talker: talker, sock=sock)
            await asyncio.gather(*(talker.play(some) for talker, some in zip(talkers, all_steps, strict=True)))
            await quiet(talkers)
            for talker in talkers:
                talker.transport.close()
            for talker in talkers:
                await talker.saw("lost")
            injected.waits.clear()
        talkers[0].check(talkers[1], *scripts)
        talkers[1].check(talkers[0], *reversed(scripts))
        assert [context["exception"] for context in loop_errors] == [
            context["exception"] for context in loop_errors if context["exception"] in talkers[0].failures
            or context["exception"] in talkers[1].failures
        ]
        assert len(loop_errors) == sum(len(talker.failures) for talker in talkers)
        loop_errors.clear()

    loop.run_until_complete(main())


async def quiet(talkers):
    """Read on, until nothing more happens for a while: there is no end of file that would tell."""
    for talker in talkers:
        talker.failing.clear()
        if not talker.ended:
            talker.paused = False
            talker.transport.resume_reading()
    seen = -1
    while seen != (seen := sum(len(talker.events) for talker in talkers)):
        await turns(100)


any_kind = pytest.mark.parametrize("kind", ["udp", "unix"])


@any_kind
@profile
@given(st.tuples(steps, steps), st.tuples(faults, faults), driver_faults)
def test_arrives_or_is_told(loop, injected, loop_errors, kind, all_steps, verdicts, waits):
    run(loop, injected, loop_errors, kind, all_steps, verdicts, waits)


@any_kind
@profile
@given(st.tuples(steps_with_ends, steps_with_ends), st.tuples(faults, faults), driver_faults)
def test_ended_anywhere(loop, injected, loop_errors, kind, all_steps, verdicts, waits):
    run(loop, injected, loop_errors, kind, all_steps, verdicts, waits)
