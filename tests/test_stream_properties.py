"""Whatever the mix of writes, pauses and ways to end it: every byte arrives once, in order, and the callbacks fit."""

import asyncio
import re

import pytest
from helpers.running import turns
from helpers.streams import BufferedRecorder, Bytes, Recorder, connected_sockets, small_buffers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

settings.register_profile(
    "streams",
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
profile = settings.get_profile("streams")

sizes = st.one_of(st.integers(0, 10), st.integers(0, 5_000), st.sampled_from([65_536, 65_537, 300_000]))
kinds = st.sampled_from([bytes, bytearray, memoryview])

writer_steps = st.one_of(
    st.tuples(st.just("write"), sizes, kinds),
    # Of empty pieces the standard loop never gets rid since 3.12.
    st.tuples(st.just("writelines"), st.lists(sizes.filter(bool), max_size=5), kinds),
    st.tuples(st.just("turns"), st.integers(1, 3)),
    st.tuples(st.just("limits"), st.sampled_from([0, 1, 1000, 100_000])),
)
reader_steps = st.one_of(
    st.tuples(st.just("pause_reading")),
    st.tuples(st.just("resume_reading")),
    st.tuples(st.just("turns"), st.integers(1, 5)),
)
readers = st.sampled_from([Recorder, BufferedRecorder, lambda **options: BufferedRecorder(size=7000, **options)])
ends = st.sampled_from(["close", "write_eof"])


async def run_writer(transport, steps, source):
    for step, *arguments in steps:
        if step == "write":
            transport.write(source.take(*arguments))
        elif step == "writelines":
            lengths, kind = arguments
            transport.writelines([source.take(length, kind) for length in lengths])
        elif step == "limits":
            transport.set_write_buffer_limits(high=arguments[0])
        else:
            await turns(*arguments)


async def run_reader(transport, steps):
    for step, *arguments in steps:
        if step == "turns":
            await turns(*arguments)
        else:
            getattr(transport, step)()
    transport.resume_reading()


async def linked_pair(loop, kind, writing, reading):
    """Transports at both ends of a connection."""
    one, other = connected_sockets(kind)
    if kind == "unix":
        small_buffers(one, other)  # TCP would send with delays then
    writer, _ = await loop.create_connection(lambda: writing, sock=one)
    reader, _ = await loop.create_connection(lambda: reading, sock=other)
    return writer, reader


def assert_a_sensible_life(protocol):
    """connection_made, then data, then at most one eof, then connection_lost; pause and resume take turns."""
    assert protocol.events[0] == "made" and protocol.events[-1] == "lost"
    for once in ("made", "lost"):
        assert protocol.events.count(once) == 1
    flow = " ".join(event for event in protocol.events if event in ("pause", "resume"))
    assert re.fullmatch(r"(pause resume ?)*(pause)?", flow)
    reading = " ".join(event for event in protocol.events if event in ("data", "eof"))
    assert re.fullmatch(r"(data ?)*(eof)?", reading)


kinds_of_socket = pytest.mark.parametrize("kind", ["tcp", "unix"])


@kinds_of_socket
@profile
@given(st.lists(writer_steps, max_size=12), st.lists(reader_steps, max_size=12), readers, ends)
def test_every_byte_once_and_in_order(loop, kind, writes, reads, recorder, end):
    async def main():
        source, writing, reading = Bytes(), Recorder(keep_open=True), recorder()
        writer, reader = await linked_pair(loop, kind, writing, reading)
        pausing = loop.create_task(run_reader(reader, reads))
        await run_writer(writer, writes, source)
        getattr(writer, end)()
        await pausing
        assert await reading.lost() is None
        assert reading.data == source.taken
        writer.close()
        assert await writing.lost() is None
        assert_a_sensible_life(writing)
        assert_a_sensible_life(reading)

    loop.run_until_complete(main())


@kinds_of_socket
@profile
@given(
    st.lists(writer_steps, max_size=8),
    st.lists(writer_steps, max_size=8),
    st.lists(reader_steps, max_size=6),
    st.lists(reader_steps, max_size=6),
    readers,
    readers,
)
def test_both_ways_at_once(loop, kind, writes, other_writes, reads, other_reads, recorder, other_recorder):
    async def main():
        source, other_source = Bytes(), Bytes()
        one, other = recorder(keep_open=True), other_recorder(keep_open=True)
        transport, other_transport = await linked_pair(loop, kind, one, other)
        await asyncio.gather(
            run_writer(transport, writes, source),
            run_writer(other_transport, other_writes, other_source),
            run_reader(transport, reads),
            run_reader(other_transport, other_reads),
        )
        transport.write_eof()
        other_transport.write_eof()
        await one.saw("eof")
        await other.saw("eof")
        assert one.data == other_source.taken
        assert other.data == source.taken
        for end in (transport, other_transport):
            end.close()
        for protocol in (one, other):
            assert await protocol.lost() is None
            assert_a_sensible_life(protocol)

    loop.run_until_complete(main())


@pytest.mark.tulipa_only  # since 3.12 the standard loop hangs after writelines() to a connection that is lost
@kinds_of_socket
@profile
@given(st.lists(writer_steps, max_size=8), st.integers(0, 8), st.sampled_from(["writer", "reader"]))
def test_aborted_anywhere_delivers_a_prefix(loop, kind, writes, moment, side):
    async def main():
        source, writing, reading = Bytes(), Recorder(), Recorder()
        writer, reader = await linked_pair(loop, kind, writing, reading)
        await run_writer(writer, writes[:moment], source)
        (writer if side == "writer" else reader).abort()
        await run_writer(writer, writes[moment:], Bytes())
        await writing.lost()
        await reading.lost()
        assert source.taken.startswith(reading.data)
        assert_a_sensible_life(writing)
        assert_a_sensible_life(reading)

    loop.run_until_complete(main())
