"""Whatever the pieces that arrive, and whatever the reads and their cancellations: every byte once and in order."""

import asyncio

import pytest
from helpers.running import turns
from helpers.transports import FakeTransport
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

profile = settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# Few different bytes, so that separators are often there, split at every place.
pieces = st.lists(
    st.one_of(st.binary(min_size=1, max_size=3), st.text("ab\r\n", min_size=1, max_size=12).map(str.encode),
              st.integers(1, 3000).map(lambda size: b"x" * size)),
    max_size=25,
)
separators = st.one_of(
    st.sampled_from([b"\n", b"\r\n", b"ab", b"aab"]),
    st.lists(st.sampled_from([b"\n", b"\r\n", b"ba", b"aab", b"x"]), min_size=1, max_size=3).map(tuple),
)
reads = st.one_of(
    st.tuples(st.just("read"), st.sampled_from([-1, 1, 2, 7, 1000])),
    st.tuples(st.just("readexactly"), st.sampled_from([1, 2, 5, 100, 2500])),
    st.tuples(st.just("readline")),
    st.tuples(st.just("readuntil"), separators),
    st.tuples(st.just("peek")),
)
programs = st.lists(st.tuples(reads, st.sampled_from([None, None, 0, 1, 2])), max_size=40)


def check(step, arguments, result):
    if step == "read":
        assert arguments[0] < 0 or len(result) <= arguments[0]
    elif step == "readexactly":
        assert len(result) == arguments[0]
    elif step == "readuntil":
        several = arguments[0] if isinstance(arguments[0], tuple) else (arguments[0],)
        ends = [len(result[:end]) for end in range(1, len(result) + 1) if result[:end].endswith(several)]
        assert ends[:1] == [len(result)], "something shorter ends with a separator too"
    elif step == "readline":
        assert b"\n" not in result[:-1]


async def take(reader, step, arguments, patience):
    """One read, cancelled after so many turns (None for never); the bytes it gave."""
    task = asyncio.ensure_future(getattr(reader, step)(*arguments))
    if patience is not None:
        await turns(patience)
        task.cancel()
    try:
        result = await task
    except asyncio.CancelledError:
        return b""
    except asyncio.IncompleteReadError as error:
        return error.partial
    except asyncio.LimitOverrunError as error:
        assert error.consumed > reader._limit
        return await reader.readexactly(error.consumed)
    assert type(result) is bytes
    check(step, arguments, result)
    return result


async def feed(reader, transport, given_pieces, pauses):
    for piece in given_pieces:
        while transport.calls[-1:] == ["pause"]:
            await turns()
        reader.feed_data(piece)
        await turns(next(pauses))
    reader.feed_eof()


@pytest.mark.ours_only
@pytest.mark.virtual_too
@profile
@given(given_pieces=pieces, program=programs, pauses=st.lists(st.integers(0, 2), min_size=1),
       limit=st.sampled_from([3, 50, 1000]))
def test_every_byte_once_and_in_order(loop, lib, given_pieces, program, pauses, limit):
    async def run():
        reader, transport = lib.StreamReader(limit=limit, loop=loop), FakeTransport()
        reader.set_transport(transport)
        waits = iter(pauses * (len(given_pieces) // len(pauses) + 1))
        feeder = loop.create_task(feed(reader, transport, given_pieces, waits))
        received = []
        for (step, *arguments), patience in program:
            if step == "peek":
                received_so_far = b"".join(received)
                assert b"".join(given_pieces).startswith(received_so_far + reader._buffer)
            elif step == "readline":
                received.append(await take(reader, "readuntil", [b"\n"], patience))
            else:
                received.append(await take(reader, step, arguments, patience))
        received.append(await reader.read())
        await feeder
        assert b"".join(received) == b"".join(given_pieces)
        assert reader.at_eof()

    loop.run_until_complete(run())


@pytest.mark.ours_only
@profile
@given(given_pieces=pieces)
def test_lines_are_the_standard_librarys(loop, lib, given_pieces):
    """Fed at once, so that limits, which depend on when one looks, are met at the same places."""

    async def lines(reader):
        found = []
        for piece in given_pieces:
            reader.feed_data(piece)
        reader.feed_eof()
        while True:
            try:
                line = await reader.readline()
            except ValueError:
                line = "too long"
            if not line:
                return found
            found.append(line)

    async def run():
        ours = await lines(lib.StreamReader(limit=100, loop=loop))
        assert ours == await lines(asyncio.StreamReader(limit=100, loop=loop))

    loop.run_until_complete(run())
