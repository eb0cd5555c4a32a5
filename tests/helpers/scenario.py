"""Two transports that are connected to each other, what is done with them, and what must be true afterwards.

`steps` are what a side does: in order, turn by turn, or within a callback of its protocol. After the last of them both
sides read to the end and close; `play` returns when both are over, and `Side.check` says what must have happened.
"""

import asyncio
import errno
import re
import ssl

from hypothesis import strategies as st

from helpers.running import turns
from helpers.streams import Bytes, Journal


class Oops(Exception):
    """Raised by a protocol's callback on purpose."""


# --- strategies --------------------------------------------------------------------------------

_sizes = st.one_of(st.integers(0, 10), st.integers(0, 5_000), st.sampled_from([65_536, 65_537, 300_000]))
_kinds = st.sampled_from([bytes, bytearray, memoryview])
_actions = st.one_of(
    st.tuples(st.just("write"), _sizes, _kinds),
    st.tuples(st.just("writelines"), st.lists(_sizes, max_size=5), _kinds),
    st.tuples(st.just("limits"), st.sampled_from([0, 1, 1000, 100_000])),
    st.tuples(st.sampled_from(["pause_reading", "resume_reading", "set_protocol", "get_write_buffer_size"])),
)
_ends = st.tuples(st.sampled_from(["write_eof", "write_eof", "close", "abort"]))
_callbacks = st.sampled_from(["made", "data", "eof", "pause", "resume", "lost"])
_within = st.tuples(st.just("within"), _callbacks, st.one_of(_actions, _ends, st.tuples(st.just("raise"))))
_turns = st.tuples(st.just("turns"), st.integers(1, 4))

steps = st.lists(st.one_of(_actions, _actions, _turns, _within, _ends), max_size=12)
peaceful_steps = st.lists(st.one_of(_actions, _actions, _turns), max_size=12)
protocol_kinds = st.sampled_from(["plain", "buffered"])


# --- protocols that tell their side ------------------------------------------------------------


class _Telling:
    def __init__(self, side):
        self.side = side

    def connection_made(self, transport):
        self.side.transport = transport
        self.side.happened("made")

    def eof_received(self):
        self.side.happened("eof")
        return self.side.keeps_open

    def pause_writing(self):
        self.side.happened("pause")

    def resume_writing(self):
        self.side.happened("resume")

    def connection_lost(self, exc):
        self.side.error = exc
        self.side.happened("lost")


class Plain(_Telling, asyncio.Protocol):
    def data_received(self, data):
        assert type(data) is bytes and data
        self.side.received(data)


class Buffered(_Telling, asyncio.BufferedProtocol):
    def __init__(self, side):
        super().__init__(side)
        self.memory = bytearray(1500)

    def get_buffer(self, sizehint):
        return self.memory

    def buffer_updated(self, nbytes):
        assert 0 < nbytes <= len(self.memory)
        self.side.received(self.memory[:nbytes])


PROTOCOLS = {"plain": Plain, "buffered": Buffered}


# --- one side ----------------------------------------------------------------------------------


class Side(Journal):
    """One transport, all of its protocols, and everything that was done with it and happened to it."""

    def __init__(self, kind="plain", keeps_open=True):
        super().__init__()
        self.kind = kind
        self.keeps_open = keeps_open
        self.transport = None
        self.data = bytearray()
        self.error = None
        self.sent = Bytes()
        self.within = []
        self.paused = False
        self.ended = None  # "close" or "abort", whatever came last
        self.half_closed = False
        self.failures = []  # (exception of a callback, whether it ends the connection)

    def protocol(self):
        return PROTOCOLS[self.kind](self)

    # -- what happens to it -------------------------------------------------------------------------------

    def received(self, data):
        assert not self.paused, "data while reading is paused"
        assert not self.ended, f"data after {self.ended}()"
        self.data += data
        self.happened("data")

    def happened(self, event):
        self.note(event)
        for number, (moment, step) in enumerate(self.within):
            if moment == event:
                del self.within[number]
                self.do(step, event)
                return

    @property
    def over(self):
        return "lost" in self.events or self.transport is None

    # -- what it does -------------------------------------------------------------------------------------

    async def play(self, steps):
        for step in steps:
            if step[0] == "turns":
                await turns(step[1])
            elif step[0] == "within":
                self.within.append(step[1:])
            else:
                self.do(step)

    def do(self, step, event=None):
        name, *arguments = step
        if name == "raise":
            failure = Oops(event)
            self.failures.append((failure, event in ("data", "eof") and not self.ended))
            raise failure
        getattr(self, f"_{name}")(*arguments)

    def _may_write(self):
        return self.can_write and not (self.half_closed or self.transport.is_closing())

    @property
    def can_write(self):
        return hasattr(self.transport, "write")

    @property
    def can_read(self):
        return hasattr(self.transport, "pause_reading")

    def _write(self, size, kind):
        if self._may_write():
            self.transport.write(self.sent.take(size, kind))

    def _writelines(self, sizes, kind):
        if self._may_write():
            self.transport.writelines([self.sent.take(size, kind) for size in sizes])

    def _limits(self, high):
        if self.can_write:
            self.transport.set_write_buffer_limits(high=high)

    def _get_write_buffer_size(self):
        if self.can_write:
            assert self.transport.get_write_buffer_size() >= 0

    def _pause_reading(self):
        if self.can_read:
            self.transport.pause_reading()
            self.paused = not self.transport.is_closing()

    def _resume_reading(self):
        if self.can_read:
            self.paused = False
            self.transport.resume_reading()

    def _set_protocol(self):
        if not self.over:
            self.kind = "buffered" if self.kind == "plain" else "plain"
            self.transport.set_protocol(self.protocol())

    def _write_eof(self):
        if self._may_write() and self.transport.can_write_eof():
            self.half_closed = True
            self.transport.write_eof()

    def _close(self):
        self.ended = self.ended or "close"
        self.transport.close()

    def _abort(self):
        self.ended = "abort"
        self.transport.abort()

    # -- what must be true --------------------------------------------------------------------------------

    def check_life(self):
        """connection_made, data, at most one eof, connection_lost; pause and resume take turns."""
        if not self.events:
            return  # it could not even connect
        assert self.events[0] == "made" and self.events[-1] == "lost"
        for once in ("made", "lost"):
            assert self.events.count(once) == 1
        flow = " ".join(event for event in self.events if event in ("pause", "resume"))
        assert re.fullmatch(r"(pause resume ?)*(pause)?", flow)
        reading = " ".join(event for event in self.events if event in ("data", "eof"))
        assert re.fullmatch(r"(data ?)*(eof)?", reading)

    def check_error(self, script):
        """What ended the connection is what connection_lost() got, the first of its kind, and nothing else."""
        fatal = [error for error, ended in script.raised if ended != "abort"]
        fatal += [failure for failure, ends in self.failures if ends]
        if fatal:
            assert self.error in fatal, f"{self.error!r} was reported, {fatal!r} was the cause"
            return
        # ENOTCONN is what half-closing meets after a reset.
        lost = isinstance(self.error, (ConnectionError, ssl.SSLError))
        assert self.error is None or lost or self.error.errno == errno.ENOTCONN, self.error

    def check_received(self, writer):
        """All that the other side wrote, once and in order; less of it only where somebody was told."""
        assert writer.sent.taken.startswith(self.data), "bytes are doubled, swapped or from elsewhere"
        if self.data != writer.sent.taken:
            told = self.ended or self.error or writer.error or writer.ended == "abort"
            assert told, f"{len(writer.sent.taken) - len(self.data)} bytes are lost in silence"


# --- both --------------------------------------------------------------------------------------


async def play(one, other, steps, other_steps):
    """Let both sides do their steps, read to the end, and close."""
    await asyncio.gather(one.play(steps), other.play(other_steps))
    # Only where one was closed before may the other wait for ever: its peer may not read any more.
    patience = 0.05 if one.ended or other.ended else None
    for side in (one, other):
        side.within.clear()
        if not side.over:
            side._resume_reading()
            side._write_eof()
    await asyncio.gather(_finish(one, other, patience), _finish(other, one, patience))
    await turns(2)


async def _finish(side, peer, patience):
    """Close a side when it has got all, and wait for its end; abort it when there is no more patience."""
    await _within(patience, side, _received_all(side, peer))
    if not side.over:
        side._close()
    await _within(patience, side, side.saw("lost"))
    await side.saw("lost")


async def _received_all(side, peer):
    if side.can_read and (peer.half_closed or not side.can_write):
        await side.until(lambda: "eof" in side.events or side.over)
        return
    while not (side.over or peer.over or (side.data == peer.sent.taken and peer.data == side.sent.taken)):
        await turns()


async def _within(patience, side, waiting):
    try:
        await asyncio.wait_for(waiting, patience)
    except TimeoutError:
        side._abort()
