"""What transports hold until the kernel takes it, bytes or datagrams, and the limits of back-pressure."""

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._transports.endpoint import PIECES_AT_ONCE

_HIGH = 65536
_HEADER = 8
if not cython.compiled:  # compiled, the .pxd declares them
    from tulipa._core.memory import as_model

    WORTH_JOINING = 4096  # up to here, a copy of all is less work than the kernel has with several pieces


class Backlog:
    """How much waits to be sent, and between which limits: in bytes."""

    def __init__(self):
        self._begin()

    def _begin(self):
        self.size = 0
        self.high = _HIGH
        self.low = _HIGH // 4
        return 0

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


class WriteBuffer(Backlog):
    """Bytes that wait to be sent: bytes objects in order, of which the first may have been sent in part.

    Nearly always it is one piece, which is sent at once; so the first has a slot, and the list is made for more.
    The list's first `_gone` places are empty: they are cut off when they are half of it, not one by one.
    """

    def __init__(self):
        self._begin()
        self._first = None
        self._more = None
        self._gone = 0
        self._offset = 0

    def append(self, data):
        """Add a bytes object; not an empty one."""
        if self._first is None:
            self._first = data
        elif self._more is None:
            self._more = [data]
        else:
            self._more.append(data)
        self.size += len(data)

    def extend(self, pieces):
        """Add a list or tuple of pieces, bytes or the like. Small ones become one."""
        size = 0
        for data in pieces:
            size += len(data) if type(data) is bytes else WORTH_JOINING + 1  # only bytes are joined
        if size <= WORTH_JOINING:
            if size > 0:
                self.append(joined(pieces))
            return 0
        for data in pieces:
            piece = data if type(data) is bytes else bytes(data)
            if len(piece) > 0:
                self.append(piece)
        return 0

    def offer(self, endpoint):
        """Offer what is there to `endpoint` in one call; whether all that was offered was taken."""
        offered = self.size
        if self._more is None and self._offset == 0:
            taken = endpoint.send(self._first)
        else:
            pieces = [self._first]
            if self._more is not None:
                pieces += self._more[self._gone : self._gone + PIECES_AT_ONCE - 1]
                if len(pieces) == PIECES_AT_ONCE:
                    offered = sum(map(len, pieces)) - self._offset
            if offered <= WORTH_JOINING and self._offset == 0:
                taken = endpoint.send(joined(pieces))
            else:
                taken = endpoint.send_many(pieces, self._offset)
        if taken == self.size:
            self.clear()
        elif taken > 0:
            self._drop(taken)
        return taken == offered

    def clear(self):
        """Forget all of it."""
        self._first = None
        self._more = None
        self._gone = 0
        self._offset = 0
        self.size = 0

    def _drop(self, taken):
        """Forget the first `taken` bytes, which are not all."""
        self.size -= taken
        self._offset += taken
        gone = self._gone
        while self._offset >= len(self._first):
            self._offset -= len(self._first)
            self._first = self._more[gone]
            self._more[gone] = None
            gone += 1
        if gone > 0 and 2 * gone >= len(self._more):
            self._more = self._more[gone:] or None
            gone = 0
        self._gone = gone
        return 0


def joined(pieces):
    """A bytes object of all `pieces`, a list or tuple of them, which are no more than WORTH_JOINING bytes."""
    if not cython.compiled:
        return b"".join(pieces)
    size = 0
    for piece in pieces:
        memcpy(_joined + size, PyBytes_AS_STRING(piece), PyBytes_GET_SIZE(piece))
        size += PyBytes_GET_SIZE(piece)
    return bytes_of(_joined, size)


def new_write_buffer():
    """A WriteBuffer, compiled without the calls that making one by its class takes."""
    return copy_of(_model) if cython.compiled else WriteBuffer()


_model = as_model(WriteBuffer())


class DatagramQueue(Backlog):
    """Datagrams that wait to be sent, in order, each with its address: None for the peer's.

    `count` is their number; in `size` each counts for eight bytes more than it has, as in asyncio, so that empty
    ones are limited too. The lists' first `_gone` places are empty.
    """

    def __init__(self):
        self._begin()
        self.count = 0
        self._data = []
        self._addresses = []
        self._gone = 0

    def append(self, data, address):
        """Add a datagram: a bytes object."""
        self._data.append(data)
        self._addresses.append(address)
        self.count += 1
        self.size += len(data) + _HEADER

    def offer(self, endpoint, most):
        """Offer `endpoint` the first of them, at most `most`, in one call; how many were taken, -1 for not now.

        Raises what the first one meets; it stays the first.
        """
        taken = endpoint.send_datagrams(self._data, self._addresses, self._gone, self._gone + most)
        if taken > 0:
            self.drop(taken)
        return taken

    def first_address(self):
        """The address of the first one. Raises IndexError where there is none."""
        if self.count == 0:
            raise IndexError("no datagram waits")
        return self._addresses[self._gone]

    def drop(self, number):
        """Forget the first `number` of them. Raises IndexError where there are not so many."""
        if number == self.count:
            self.clear()
            return 0
        if number > self.count:
            raise IndexError(f"{self.count} datagrams wait, fewer than {number}")
        gone = self._gone
        for _ in range(number):
            self.size -= len(self._data[gone]) + _HEADER
            self._data[gone] = self._addresses[gone] = None
            gone += 1
        if 2 * gone >= len(self._data):
            del self._data[:gone]
            del self._addresses[:gone]
            gone = 0
        self._gone = gone
        self.count -= number
        return 0

    def clear(self):
        """Forget all of them."""
        self._data.clear()
        self._addresses.clear()
        self._gone = 0
        self.count = 0
        self.size = 0
