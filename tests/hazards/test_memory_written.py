"""Memory of every shape is written: its bytes leave, and it belongs to the caller again afterwards."""

import ctypes

import pytest
from helpers.running import on_loop, turns
from helpers.streams import fill, linked, receive_all, receive_exactly, reset

SIZE = 40_000  # bytes: more than is worth a copy
TEXT = bytes(range(256)) * (SIZE // 256 + 1)
NATIVE = memoryview(TEXT[:SIZE])
SHAPES = {
    "bytearray": bytearray(NATIVE),
    "bytes": NATIVE,
    "ints": NATIVE.cast("i"),
    "two dimensions": NATIVE.cast("B", (SIZE // 100, 100)),
    "every other": memoryview(TEXT)[::2],
    "backwards": memoryview(TEXT)[::-1],
    "little-endian ints": memoryview((ctypes.c_int * (SIZE // 4)).from_buffer_copy(TEXT)),
    "structures": memoryview((type("Pair", (ctypes.Structure,), {"_fields_": [("a", ctypes.c_short)] * 1})
                              * (SIZE // 2)).from_buffer_copy(TEXT)),
}


@pytest.mark.tulipa_only  # the standard loop counts items for bytes, or sends nothing but contiguous bytes
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
@on_loop
async def test_shape(loop, shape, full):
    memory = SHAPES[shape]
    async with linked(loop, kind="unix") as link:
        before = fill(link.transport.get_extra_info("socket")) if full else b""
        link.transport.write(memory)
        link.transport.write_eof()
        assert await receive_all(loop, link.peer) == before + bytes(memory)


@pytest.mark.tulipa_only  # since 3.12 the standard loop keeps the memory itself, and so locks it
@pytest.mark.parametrize("size", [10, SIZE])
@on_loop
async def test_changed_right_after_the_call(loop, size):
    async with linked(loop, kind="unix") as link:
        before = fill(link.transport.get_extra_info("socket"))
        for _ in range(2):
            data = bytearray(b"x" * size)
            link.transport.write(data)
            data[:] = b"changed"
        assert await receive_exactly(loop, link.peer, len(before) + 2 * size) == before + b"x" * size * 2


@on_loop
async def test_not_held_by_the_error(loop):
    """The exception that connection_lost() gets keeps frames alive, which must not keep the memory locked."""
    async with linked(loop) as link:
        link.transport.pause_reading()
        reset(link.peer)
        data = bytearray(SIZE)
        link.transport.write(data)
        await turns(2)
        link.transport.write(data)
        assert isinstance(await link.protocol.lost(), OSError)
        data.clear()
        assert not data
