"""The buffer of a stream that is read: bytes come in pieces and leave in others, first in, first out."""

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

_SMALL = 1024
_JOINED = 16384


class ByteBuffer:
    """Pieces in order, of which the first may be used up in part.

    Mostly one piece comes and leaves as it is: it has a slot, and is not copied. Further ones go to a list; small
    ones share a bytearray there, so that many of them take little more memory than their bytes. The list's first
    `_gone` places are empty: they are cut off when they are half of it, not one by one.
    """

    def __init__(self):
        self._first = None
        self._offset = 0
        self._more = None
        self._gone = 0
        self._size = 0

    def count(self):
        """The number of bytes."""
        return self._size

    def append(self, data):
        """Add a bytes object; not an empty one."""
        if self._first is None:
            self._first = data
        elif len(data) < _SMALL:
            self._append_small(data)
        elif self._more is None:
            self._more = [data]
        else:
            self._more.append(data)
        self._size += len(data)

    def take(self, size):
        """Remove the first `size` bytes, at least one and no more than there are, and give them as bytes."""
        first = self._first
        start = self._offset
        end = start + size
        if end > len(first):
            return self._gather(size)
        self._size -= size
        if end < len(first):
            self._offset = end
        else:
            self._advance()
            if start == 0 and type(first) is bytes:
                return first
        return cut(first, start, end)

    def find(self, separator, start):
        """Where the bytes `separator` stand, from `start` on; -1 for nowhere."""
        if self._more is not None:
            self._join()
        if self._first is None:
            return -1
        place = find_in(self._first, separator, self._offset + start)
        return place if place < 0 else place - self._offset

    def _append_small(self, data):
        if self._more is None:
            self._more = [bytearray(data)]
            return 0
        last = self._more[len(self._more) - 1]
        if type(last) is bytearray and len(last) < _JOINED:
            last.extend(data)
        else:
            self._more.append(bytearray(data))
        return 0

    def _advance(self):
        """The first piece is used up."""
        self._first = None
        self._offset = 0
        more = self._more
        if more is None:
            return 0
        gone = self._gone
        self._first = more[gone]
        more[gone] = None
        gone += 1
        if 2 * gone >= len(more):
            self._more = more[gone:] or None
            gone = 0
        self._gone = gone
        return 0

    def _gather(self, size):
        """Take from more than one piece; each byte is copied once."""
        self._size -= size
        parts = []
        while size > 0:
            first = self._first
            start = self._offset
            end = min(start + size, len(first))
            parts.append(first if end - start == len(first) else memoryview(first)[start:end])
            size -= end - start
            if end < len(first):
                self._offset = end
            else:
                self._advance()
        return b"".join(parts)

    def _join(self):
        """Make one piece of all, to search across their borders: a bytearray, to which more is added cheaply."""
        first = self._first
        if type(first) is bytearray:
            del first[: self._offset]
        else:
            first = bytearray(memoryview(first)[self._offset :])
        for piece in self._more[self._gone :]:
            first += piece
        self._first = first
        self._offset = 0
        self._more = None
        self._gone = 0
        return 0


class SharedBuffer(ByteBuffer):
    """The same over one bytearray, which others see, and may change, while it is used."""

    def __init__(self, array):
        ByteBuffer.__init__(self)
        self.array = array

    def count(self):
        return len(self.array)

    def append(self, data):
        self.array += data

    def take(self, size):
        data = bytes(self.array[:size])
        del self.array[:size]
        return data

    def find(self, separator, start):
        return self.array.find(separator, start)


def cut(piece, start, end):
    """``bytes(piece[start:end])`` of bytes or a bytearray, copied once."""
    if not cython.compiled:
        return bytes(memoryview(piece)[start:end])
    text = PyBytes_AS_STRING(piece) if type(piece) is bytes else PyByteArray_AS_STRING(piece)
    return PyBytes_FromStringAndSize(text + start, end - start)


def find_in(piece, separator, start):
    """``piece.find(separator, start)``, quickly for a single byte."""
    if not cython.compiled or len(separator) != 1:
        return piece.find(separator, start)
    text = PyBytes_AS_STRING(piece) if type(piece) is bytes else PyByteArray_AS_STRING(piece)
    return find_byte(text, start, len(piece), PyBytes_AS_STRING(separator))
