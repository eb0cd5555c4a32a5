"""Pipes over an endpoint that fails: every byte is carried once and in order, or the error is told once."""

import asyncio
import errno
import itertools
import os

import pytest
from helpers.accounting import LoopAudit
from helpers.cases import cases
from helpers.streams import Recorder
from hypothesis import given, settings
from hypothesis import strategies as st

endpoints = pytest.importorskip("tulipa._transports.endpoint")
pipes = pytest.importorskip("tulipa._transports.pipe")

FATAL = [errno.EPIPE, errno.EIO, errno.ENOSPC, errno.ECONNRESET]
FAULTS = st.lists(st.sampled_from(["none", "none", "again", "short", "fatal"]), max_size=20)
HARMLESS = st.lists(st.sampled_from(["none", "again", "short"]), max_size=20)
SIZES = st.lists(st.integers(1, 150_000), max_size=8)


class Faulty(endpoints.PipeEndpoint):
    """Does to each call what its plan says, then what is right."""

    def __init__(self, pipe, plan, number=errno.EPIPE):
        super().__init__(pipe, pipe.fileno())
        self.plan = itertools.chain(plan, itertools.repeat("none"))
        self.number = number
        self.closings = 0

    def fault(self):
        kind = next(self.plan)
        if kind == "fatal":
            raise OSError(self.number, os.strerror(self.number))
        return kind

    def receive(self):
        kind = self.fault()
        if kind == "short":
            return os.read(self._fd, 1)
        return None if kind == "again" else super().receive()

    def send(self, data):
        kind = self.fault()
        return -1 if kind == "again" else super().send(data[:1] if kind == "short" else data)

    def send_many(self, pieces, offset):
        kind = self.fault()
        if kind == "short":
            return super().send_many([pieces[0][: offset + 1]], offset)
        return -1 if kind == "again" else super().send_many(pieces, offset)

    def close(self):
        self.closings += 1
        super().close()


async def carry(loop, sizes, writing, reading, number):
    """Send pieces of these sizes; returns what was sent and both protocols, when all is over."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    source = Faulty(open(writer, "wb", 0), writing, number)
    target = Faulty(open(reader, "rb", 0), reading, number)
    sender, receiver = Recorder(), Recorder()
    out = pipes.WritePipeTransport(loop, source, sender)
    pipes.ReadPipeTransport(loop, target, receiver)
    await sender.saw("made")
    sent = bytearray()
    for size in sizes:
        data = os.urandom(size)
        sent += data
        out.writelines([data[:10], data[10:]])
        if size % 2:
            await asyncio.sleep(0)
    out.close()
    await sender.lost()
    await receiver.lost()
    await asyncio.sleep(0)
    assert source.closings == target.closings == 1
    for protocol in sender, receiver:
        assert protocol.events[0] == "made"
        assert protocol.events[-1] == "lost"
        assert protocol.events.count("lost") == 1
    return sent, sender, receiver


def on_each_loop(play):
    for case in cases(std=False):
        audit = LoopAudit()
        loop = case()
        audit.watch(loop)
        reports = []
        loop.set_exception_handler(lambda _, context, reports=reports: reports.append(context))
        loop.run_until_complete(play(loop, reports))
        assert audit.finish() == []


@settings(max_examples=40, deadline=None)
@given(sizes=SIZES, writing=HARMLESS, reading=HARMLESS)
def test_faults_that_pass(sizes, writing, reading):
    async def play(loop, reports):
        sent, sender, receiver = await carry(loop, sizes, writing, reading, 0)
        assert receiver.data == sent
        assert sender.error is receiver.error is None
        assert reports == []

    on_each_loop(play)


@settings(max_examples=60, deadline=None)
@given(sizes=SIZES, writing=FAULTS, reading=FAULTS, number=st.sampled_from(FATAL))
def test_faults_that_end_it(sizes, writing, reading, number):
    async def play(loop, reports):
        sent, sender, receiver = await carry(loop, sizes, writing, reading, number)
        assert sent.startswith(receiver.data)
        if receiver.data != sent:
            assert sender.error is not None or receiver.error is not None
        # What ends the writing is told to its protocol only; what ends the reading is also reported, but for EIO.
        expected = [receiver.error] if receiver.error is not None and number != errno.EIO else []
        assert [report["exception"] for report in reports] == expected

    on_each_loop(play)
