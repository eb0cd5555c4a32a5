"""The write buffer that all transports share: pieces in order, and the limits of back-pressure."""

from tulipa._transports.endpoint import PIECES_AT_ONCE

_HIGH = 65536


class WriteBuffer:
    """Bytes that wait to be sent. Pieces are bytes objects; the first may be sent in part."""

    def __init__(self):
        self.size = 0
        self.high = _HIGH
        self.low = _HIGH // 4
        self._pieces = []
        self._offset = 0

    def append(self, data):
        """Add a bytes object; not an empty one."""
        self._pieces.append(data)
        self.size += len(data)

    def offer(self, endpoint):
        """Offer what is there to `endpoint` in one call; whether all that was offered was taken."""
        pieces = self._pieces
        offered = self.size
        if len(pieces) == 1 and self._offset == 0:
            taken = endpoint.send(pieces[0])
        else:
            if len(pieces) > PIECES_AT_ONCE:
                pieces = pieces[:PIECES_AT_ONCE]
                offered = sum(map(len, pieces)) - self._offset
            taken = endpoint.send_many(pieces, self._offset)
        if taken > 0:
            self._drop(taken)
        return taken == offered

    def clear(self):
        """Forget all of it."""
        self._pieces = []
        self._offset = 0
        self.size = 0

    def set_limits(self, high, low):
        """As WriteTransport.set_write_buffer_limits: bytes, None for the usual; ValueError unless high >= low >= 0."""
        if high is None:
            high = _HIGH if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"high ({high!r}) must be >= low ({low!r}) must be >= 0")
        self.high = high
        self.low = low

    def _drop(self, taken):
        self.size -= taken
        if self.size == 0:
            self._pieces.clear()
            self._offset = 0
            return 0
        whole = 0
        left = taken + self._offset
        while left >= len(self._pieces[whole]):
            left -= len(self._pieces[whole])
            whole += 1
        del self._pieces[:whole]
        self._offset = left
        return 0
