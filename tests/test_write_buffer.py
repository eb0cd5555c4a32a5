"""The write buffer against an endpoint that takes as much as it likes: nothing is lost, doubled or reordered."""

import pytest
from helpers.cases import tulipa
from hypothesis import given
from hypothesis import strategies as st

if tulipa is None:
    pytest.skip("tulipa is not installed", allow_module_level=True)

from tulipa._transports.buffer import DatagramQueue, WriteBuffer
from tulipa._transports.endpoint import PIECES_AT_ONCE, Endpoint


class Whimsical(Endpoint):
    """Takes what `appetites` says, one number a call; -1 and 0 are nothing, and after the last it takes all."""

    def __init__(self, appetites=()):
        self.taken = bytearray()
        self.offered = 0
        self._appetites = list(appetites)

    def send(self, data):
        return self._take(bytes(data))

    def send_many(self, pieces, offset):
        assert 1 <= len(pieces) <= PIECES_AT_ONCE
        assert 0 <= offset < len(pieces[0])
        return self._take(b"".join(pieces)[offset:])

    def _take(self, offered):
        assert offered
        self.offered = len(offered)
        appetite = self._appetites.pop(0) if self._appetites else len(offered)
        self.taken += offered[: max(appetite, 0)]
        return min(appetite, len(offered))


# Together they may be little, which is joined, or much.
pieces = st.builds(
    lambda pieces, length: [piece * length for piece in pieces],
    st.lists(st.binary(min_size=1, max_size=9), max_size=3 * PIECES_AT_ONCE),
    st.sampled_from([1, 100]),
)


@given(st.lists(st.tuples(pieces, st.lists(st.integers(-1, 300) | st.integers(-1, 30000), max_size=5)), max_size=8))
def test_every_byte_once_and_in_order(turns):
    buffer, endpoint, written = WriteBuffer(), Whimsical(), b""
    for added, appetites in turns:
        endpoint._appetites = list(appetites)
        for piece in added:
            buffer.append(piece)
            written += piece
        for _ in appetites:
            if buffer.size:
                buffer.offer(endpoint)
            assert endpoint.taken + b"?" * buffer.size == written[: len(endpoint.taken)] + b"?" * buffer.size
            assert len(endpoint.taken) + buffer.size == len(written)
    endpoint._appetites.clear()
    while buffer.size:
        assert buffer.offer(endpoint)
    assert endpoint.taken == written


@given(pieces.filter(len), st.integers(-1, 2000) | st.integers(-1, 60000))
def test_tells_whether_all_that_was_offered_was_taken(added, appetite):
    buffer, endpoint = WriteBuffer(), Whimsical([appetite])
    for piece in added:
        buffer.append(piece)
    assert buffer.offer(endpoint) == (appetite >= endpoint.offered)


@pytest.mark.parametrize("length", [10, 1000])
def test_many_pieces_leave_together(length):
    buffer, endpoint = WriteBuffer(), Whimsical()
    for _ in range(PIECES_AT_ONCE + 1):
        buffer.append(b"x" * length)
    buffer.offer(endpoint)
    assert endpoint.offered == length * PIECES_AT_ONCE
    buffer.offer(endpoint)
    assert endpoint.taken == b"x" * length * (PIECES_AT_ONCE + 1)


@given(pieces, st.sampled_from([bytes, bytearray, memoryview]), st.integers(-1, 30000))
def test_pieces_that_come_together(added, kind, appetite):
    buffer, endpoint = WriteBuffer(), Whimsical([appetite])
    buffer.append(b"first")
    buffer.extend([kind(piece) for piece in added] + [kind(b""), b"last"])
    while buffer.size:
        buffer.offer(endpoint)
    assert endpoint.taken == b"first" + b"".join(added) + b"last"


def test_pieces_that_were_taken_are_let_go():
    """Also where the list of pieces is not shortened at once."""
    buffer, endpoint = WriteBuffer(), Whimsical([9900] * 50)
    for _ in range(200):
        buffer.append(b"x" * 100)
    for left in (136, 72, 8):
        buffer.offer(endpoint)
        assert buffer.size == 100 * left
    buffer.append(b"y")
    buffer.offer(endpoint)
    assert buffer.size == 0
    buffer.append(b"z")
    buffer.offer(endpoint)
    assert endpoint.taken == b"x" * 20000 + b"yz"


def test_clear_forgets_what_was_sent_in_part():
    buffer, endpoint = WriteBuffer(), Whimsical([5])
    for piece in (b"abc", b"def", b"ghi"):
        buffer.append(piece)
    buffer.offer(endpoint)
    buffer.clear()
    buffer.append(b"new")
    buffer.offer(endpoint)
    assert endpoint.taken == b"abcdenew"
    assert buffer.size == 0


def test_datagrams_that_are_not_there():
    queue = DatagramQueue()
    queue.append(b"x", "address")
    with pytest.raises(IndexError, match="1 datagrams wait, fewer than 2"):
        queue.drop(2)
    assert queue.first_address() == "address"
    queue.drop(1)
    with pytest.raises(IndexError, match="no datagram waits"):
        queue.first_address()
    with pytest.raises(IndexError, match="0 datagrams wait, fewer than 1"):
        queue.drop(1)
    assert (queue.count, queue.size) == (0, 0)
