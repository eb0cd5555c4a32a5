"""What a protocol keeps of the data it was given stays as it was, whatever comes later and to whom."""

from collections import deque

import pytest
from helpers.running import on_loop
from helpers.streams import Bytes, Echo, Recorder, fill, linked, receive_exactly
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

# Around the sizes from which compiled code uses memory again, and from which it does not copy.
SIZES = [600, 600, 1024, 600, 512, 513, 4, 2000, 16_383, 16_384, 16_384, 20_000, 17_000, 9_000, 40_000, 700, 30_000]


class Keeping(Recorder):
    """Keeps, of each piece, what `keep` makes of it; what that is must go on being equal to what had come."""

    def __init__(self, keep):
        super().__init__()
        self.keep = keep
        self.kept = []

    def data_received(self, data):
        copy = bytes(bytearray(data))
        self.kept.append((self.keep(data), copy))
        super().data_received(data)


async def feed(loop, link, source, sizes):
    """One piece after the other, each when the one before has arrived."""
    arrived = len(link.protocol.data)
    for size in sizes:
        await loop.sock_sendall(link.peer, source.take(size, bytes))
        arrived += size
        await link.protocol.received(arrived)


def alternately(data, seen=[]):  # noqa: B006  # counts its calls
    seen.append(None)
    return data if len(seen) % 2 else None


@pytest.mark.parametrize("keep", [lambda data: data, memoryview, alternately], ids=["bytes", "view", "some"])
@pytest.mark.parametrize("kind", ["tcp", "unix"])
@on_loop
async def test_kept(loop, kind, keep):
    async with linked(loop, Keeping(keep), kind=kind) as link:
        source = Bytes()
        await feed(loop, link, source, SIZES * 2)
        assert link.protocol.data == source.taken
        for kept, copy in link.protocol.kept:
            assert kept is None or kept == copy


@pytest.mark.parametrize("length", [1, 2, 40])
@on_loop
async def test_kept_for_a_while(loop, length):
    """Until some more have come, as by a task that waits for the next one."""
    recent = deque(maxlen=length)
    async with linked(loop, Keeping(recent.append)) as link:
        source = Bytes()
        for size in [600, 1024, 700, 2000, 4096, 4097, 3000, 1500] * 12:
            await feed(loop, link, source, [size])
            assert list(recent) == [copy for _, copy in link.protocol.kept[-length:]]


@on_loop
async def test_hash(loop):
    """The hash of what came before is not that of what is there now."""
    async with linked(loop, Keeping(hash)) as link:
        await feed(loop, link, Bytes(), SIZES)
        assert all(kept == hash(copy) for kept, copy in link.protocol.kept)


@on_loop
async def test_kept_by_another_connection(loop):
    async with linked(loop, Keeping(lambda data: data)) as keeping, linked(loop) as other:
        source, rest = Bytes(), Bytes()
        for size in SIZES:
            await feed(loop, keeping, source, [size])
            await feed(loop, other, rest, [size, size])
        assert b"".join(kept for kept, _ in keeping.protocol.kept) == source.taken
        assert other.protocol.data == rest.taken


@on_loop
async def test_kept_by_an_error(loop):
    """A traceback keeps the frame of the callback, and so its argument."""
    def fail(event):
        if event == "data":
            raise ZeroDivisionError

    reports = []
    loop.set_exception_handler(lambda loop, context: reports.append(context["exception"]))
    protocol = Recorder()
    async with linked(loop, protocol) as link, linked(loop) as other:
        protocol.note = fail
        data = b"a" * 20_000
        await loop.sock_sendall(link.peer, data)
        await feed(loop, other, Bytes(), [20_000, 20_000])
        while not reports:
            await feed(loop, other, Bytes(), [4])
        frames = [frame for frame in _frames(reports[0]) if frame.f_code.co_name == "data_received"]
        assert frames
        kept = frames[0].f_locals["data"]
        await feed(loop, other, Bytes(), [20_000, 20_000])
        assert kept == data[: len(kept)]


def _frames(error):
    found = error.__traceback__
    while found is not None:
        yield found.tb_frame
        found = found.tb_next


@on_loop
async def test_written_and_not_yet_taken(loop):
    """An echo whose peer doesn't read: what was given back waits in the write buffer while more arrives."""
    async with linked(loop, Echo(), kind="unix") as link:
        before = fill(link.transport.get_extra_info("socket"))
        source = Bytes()
        await feed(loop, link, source, SIZES)
        expected = before + source.taken
        assert await receive_exactly(loop, link.peer, len(expected)) == expected


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(1, 70_000), st.booleans()), min_size=2, max_size=12))
def test_any_sizes(loop, plan):
    async def main():
        kept = iter([keep for _, keep in plan])
        async with linked(loop, Keeping(lambda data: data if next(kept, True) else None)) as link:
            source = Bytes()
            await feed(loop, link, source, [size for size, _ in plan])
            assert link.protocol.data == source.taken
            assert all(piece is None or piece == copy for piece, copy in link.protocol.kept)

    loop.run_until_complete(main())
