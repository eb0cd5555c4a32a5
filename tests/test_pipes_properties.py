"""Whatever is written to a pipe, in whatever pieces and pauses, is read once and in order, or is told to be lost."""

import asyncio
import os

from helpers.accounting import LoopAudit
from helpers.cases import cases
from helpers.streams import Recorder
from hypothesis import given, settings
from hypothesis import strategies as st

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 200_000)),
        st.tuples(st.just("writelines"), st.lists(st.integers(0, 5000), max_size=100)),
        st.tuples(st.just("pause"), st.none()),
        st.tuples(st.just("resume"), st.none()),
        st.tuples(st.just("turn"), st.none()),
        st.tuples(st.just("limits"), st.integers(0, 100_000)),
    ),
    max_size=30,
)
ENDS = st.sampled_from(["close", "write_eof", "abort", "reader closes"])


class Flow(Recorder):
    """Checks that pauses and resumptions take turns."""

    def pause_writing(self):
        super().pause_writing()
        assert self.events.count("pause") == self.events.count("resume") + 1

    def resume_writing(self):
        super().resume_writing()
        assert self.events.count("pause") == self.events.count("resume")


async def play(loop, steps, end):
    reader, writer = os.pipe()
    flow, received = Flow(), Recorder()
    out, _ = await loop.connect_write_pipe(lambda: flow, open(writer, "wb", 0))
    into, _ = await loop.connect_read_pipe(lambda: received, open(reader, "rb", 0))
    sent = bytearray()
    for step, value in steps:
        if step == "write":
            data = os.urandom(value)
            sent += data
            out.write(data)
        elif step == "writelines":
            pieces = [os.urandom(size) for size in value]
            sent += b"".join(pieces)
            out.writelines(pieces)
        elif step == "limits":
            out.set_write_buffer_limits(high=value)
        elif step in ("pause", "resume"):
            getattr(into, f"{step}_reading")()
        else:
            await asyncio.sleep(0)
    into.resume_reading()
    if end == "reader closes":
        into.close()
        await received.lost()
        await flow.lost()
        assert sent.startswith(received.data)
    else:
        getattr(out, end)()
        await flow.lost()
        assert await received.lost() is None
        if end == "abort":
            assert sent.startswith(received.data)
        else:
            assert received.data == sent
            assert flow.error is None
    for protocol in flow, received:
        assert protocol.events[0] == "made"
        assert protocol.events.count("lost") == 1
        assert protocol.events[-1] == "lost"


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, end=ENDS)
def test_every_byte_once_and_in_order(steps, end):
    for case in cases(std=False):
        audit = LoopAudit()
        loop = case()
        audit.watch(loop)
        errors = []
        loop.set_exception_handler(lambda _, context: errors.append(context))
        loop.run_until_complete(play(loop, steps, end))
        assert audit.finish() == []
        assert errors == []
