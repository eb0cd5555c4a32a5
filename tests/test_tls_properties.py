"""Two TLS transports over a wire that cuts, delays, fills up and breaks as Hypothesis says: nothing gets lost."""

import asyncio
import itertools

import pytest
from helpers.cases import tulipa
from helpers.streams import BufferedRecorder, Recorder
from helpers.tls import HOST, VERSIONS, client_context, server_context
from hypothesis import given, settings
from hypothesis import strategies as st

if tulipa is None:
    pytest.skip("tulipa is not installed", allow_module_level=True)

from tulipa._transports import tls_engines
from tulipa._transports.tls import TLSTransport

CONTEXTS = {version: (client_context(version), server_context(version)) for version in VERSIONS}


class Wire(asyncio.Transport):
    """One end of a connection in memory: its plan says how many bytes each turn of the loop carries to the other."""

    def __init__(self, loop, plan, high):
        super().__init__()
        self.loop = loop
        self.plan = itertools.chain(plan, itertools.repeat(100_000))
        self.high = high
        self.buffer = bytearray()
        self.peer = self.protocol = None
        self.full = self.paused = self.closing = self.over = self.ended = False
        self.pumping = False

    def set_protocol(self, protocol):
        self.protocol = protocol

    def get_protocol(self):
        return self.protocol

    def is_closing(self):
        return self.closing

    def write(self, data):
        assert type(data) is bytes and data
        if self.closing:
            return
        self.buffer += data
        if not self.full and len(self.buffer) > self.high:
            self.full = True
            self.protocol.pause_writing()
        self.pump_soon()

    def get_write_buffer_size(self):
        return len(self.buffer)

    def set_write_buffer_limits(self, high=None, low=None):
        self.high = high

    def pause_reading(self):
        assert not self.paused
        self.paused = True

    def resume_reading(self):
        assert self.paused
        self.paused = False
        self.peer.pump_soon()

    def pump_soon(self):
        if not self.pumping and not self.over:
            self.pumping = True
            self.loop.call_soon(self.pump)

    def pump(self):
        self.pumping = False
        if self.over:
            return
        if self.peer.paused and not self.peer.closing:
            return
        if self.buffer:
            size = next(self.plan)
            if size < 0:
                error = ConnectionResetError("on purpose")
                self.lose(error)
                self.peer.lose(error)
                return
            data = bytes(self.buffer[:size])
            del self.buffer[:size]
            if data and not self.peer.closing:
                self.peer.protocol.data_received(data)
        if self.full and not self.buffer and not self.over:
            self.full = False
            self.protocol.resume_writing()
        if self.buffer:
            self.pump_soon()
        elif self.closing:
            self.lose(None)

    def close(self):
        if not self.closing:
            self.closing = True
            self.pump_soon()

    def abort(self):
        self.lose(None)

    def lose(self, error):
        if self.over:
            return
        self.over = self.closing = True
        self.loop.call_soon(self.protocol.connection_lost, error)
        self.loop.call_soon(self.peer.end)

    def end(self):
        """The other end is closed."""
        if self.over or self.ended:
            return
        if self.paused and not self.closing:
            self.loop.call_later(0.1, self.end)
            return
        self.ended = True
        if not self.protocol.eof_received():
            self.close()


class Sender:
    """Does what a script says with one transport: writes, pauses, resumes, closes."""

    def __init__(self, transport, script):
        self.transport = transport
        self.script = script
        self.sent = bytearray()
        self.left = False

    async def run(self):
        for action in self.script:
            if action == "pause":
                self.transport.pause_reading()
            elif action == "resume":
                self.transport.resume_reading()
            elif action == "turn":
                await asyncio.sleep(0)
            elif not self.transport.is_closing():
                kind, size = action
                data = bytes(len(self.sent) + i & 255 for i in range(min(size, 256))) * (size // 256 + 1)
                data = data[:size]
                self.sent += data
                self.transport.write(kind(data))
        self.transport.resume_reading()


SCRIPTS = st.lists(
    st.one_of(
        st.sampled_from(["pause", "resume", "turn", "turn"]),
        st.tuples(st.sampled_from([bytes, bytearray]), st.sampled_from([1, 100, 5000, 16384, 70_000, 700_000])),
    ),
    max_size=10,
)
PLANS = st.lists(st.sampled_from([1, 5, 100, 1000, 20_000, 300_000]), max_size=12)
BREAKS = st.lists(st.sampled_from([1, 5, 100, 1000, 20_000, -1]), min_size=1, max_size=12)
KINDS = st.sampled_from([Recorder, BufferedRecorder])


async def connect(version, plans, kinds, high):
    """Two wires, two transports over them, their protocols."""
    loop = asyncio.get_running_loop()
    wires = [Wire(loop, plan, high) for plan in plans]
    wires[0].peer, wires[1].peer = wires[::-1]
    protocols, transports = [kind() for kind in kinds], []
    for side, (wire, protocol, context) in enumerate(zip(wires, protocols, CONTEXTS[version], strict=True)):
        transport = TLSTransport(
            loop, protocol, context, server_side=bool(side), server_hostname=None if side else HOST
        )
        transport.attach(wire)
        wire.set_protocol(transport)
        transports.append(transport)
    for transport, wire in zip(transports, wires, strict=True):
        transport.connection_made(wire)
    return transports, protocols


def check_order(protocol):
    """connection_made first, connection_lost last and once; pauses and resumes in turns."""
    events = [event for event in protocol.events if event != "data"]
    assert events[0] == "made" and events[-1] == "lost"
    assert events.count("made") == events.count("lost") == 1 and events.count("eof") <= 1
    flow = [event for event in events if event in ("pause", "resume")]
    assert all(one != other for one, other in itertools.pairwise(flow)) and flow[:1] in ([], ["pause"])


def run(engine, body):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TULIPA_TLS_ENGINE", engine)
        loop = tulipa.EventLoop("virtual")
        loop.set_debug(False)  # in debug mode a server tells of handshakes that fail
        errors = []
        loop.set_exception_handler(lambda _, context: errors.append(context))
        try:
            loop.run_until_complete(body())
        finally:
            loop.close()
        assert errors == []


@given(version=st.sampled_from(VERSIONS), engine=st.sampled_from(tls_engines.engine_names()),
       plans=st.tuples(PLANS, PLANS), scripts=st.tuples(SCRIPTS, SCRIPTS), kinds=st.tuples(KINDS, KINDS),
       high=st.sampled_from([0, 1000, 65536]))
@settings(max_examples=80, deadline=None)
def test_every_byte_once_and_in_order(version, engine, plans, scripts, kinds, high):
    async def body():
        transports, protocols = await connect(version, plans, kinds, high)
        await asyncio.gather(*(protocol.saw("made") for protocol in protocols))
        senders = [Sender(*pair) for pair in zip(transports, scripts, strict=True)]
        await asyncio.gather(*(sender.run() for sender in senders))
        received = [await protocols[1 - side].received(len(senders[side].sent)) for side in (0, 1)]
        assert received == [bytes(sender.sent) for sender in senders]
        transports[0].close()
        assert [await protocol.lost() for protocol in protocols] == [None, None]
        for sender, protocol in zip(senders, protocols[::-1], strict=True):
            assert protocol.data == sender.sent
            check_order(protocol)

    run(engine, body)


@given(version=st.sampled_from(VERSIONS), engine=st.sampled_from(tls_engines.engine_names()),
       plans=st.tuples(BREAKS, PLANS), scripts=st.tuples(SCRIPTS, SCRIPTS), kinds=st.tuples(KINDS, KINDS),
       leave=st.sampled_from(["close", "abort"]), high=st.sampled_from([0, 65536]))
@settings(max_examples=80, deadline=None)
def test_a_wire_that_breaks(version, engine, plans, scripts, kinds, leave, high):
    async def body():
        transports, protocols = await connect(version, plans, kinds, high)
        while not all(p.events or t.is_closing() for p, t in zip(protocols, transports, strict=True)):
            await asyncio.sleep(0.01)
        senders = [Sender(*pair) for pair in zip(transports, scripts, strict=True)]
        await asyncio.gather(*(sender.run() for sender in senders))
        for transport in transports:
            getattr(transport, leave)()
        await asyncio.sleep(100)
        for sender, protocol in zip(senders, protocols[::-1], strict=True):
            assert sender.sent.startswith(protocol.data)
        for protocol in protocols:
            if protocol.events:
                check_order(protocol)
        assert all(transport.is_closing() for transport in transports)

    run(engine, body)
