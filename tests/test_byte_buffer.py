"""The buffer of streams against a bytearray, which does the same more slowly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tulipa._core.bytebuffer import ByteBuffer, SharedBuffer

sizes = st.one_of(st.integers(1, 5), st.sampled_from([1023, 1024, 5000, 20_000]))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), sizes),
        st.tuples(st.just("take"), sizes),
        st.tuples(st.just("find"), st.binary(min_size=1, max_size=4), st.integers(0, 3000)),
    ),
    max_size=60,
)
kinds = pytest.mark.parametrize("make", [ByteBuffer, lambda: SharedBuffer(bytearray())], ids=["pieces", "shared"])


@kinds
@given(steps)
def test_as_a_bytearray(make, program):
    buffer, model, fed = make(), bytearray(), 0
    for step, *arguments in program:
        if step == "append":
            data = b"".join(b"%d," % number for number in range(fed, fed + arguments[0]))[: arguments[0]]
            fed += 1
            buffer.append(data)
            model += data
        elif step == "take" and model:
            size = min(arguments[0], len(model))
            taken = buffer.take(size)
            assert type(taken) is bytes
            assert taken == model[:size]
            del model[:size]
        elif step == "find":
            separator, start = arguments
            for wanted in (separator, bytes(model[start + 7 : start + 7 + len(separator)]) or b","):
                assert buffer.find(wanted, start) == model.find(wanted, start)
        assert buffer.count() == len(model)
    if model:
        assert buffer.take(len(model)) == model


def test_one_piece_goes_through_as_it_is():
    buffer, data = ByteBuffer(), bytes(1000)
    for _ in range(3):
        buffer.append(data)
        assert buffer.take(1000) is data


def test_a_backlog_of_tiny_pieces_is_small():
    """Each piece as an object of its own would take forty times its size."""
    import tracemalloc

    buffer = ByteBuffer()
    tracemalloc.start()
    try:
        for number in range(100_000):
            buffer.append(b"%02d" % (number % 100))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 400_000
    assert buffer.take(200_000) == b"".join(b"%02d" % (number % 100) for number in range(100_000))
