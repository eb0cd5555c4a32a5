"""Received bytes in memory that is used again: most protocols have done with one piece when the next one comes.

One bytes object is remembered, the last one that was made. When nobody else refers to it any more, the next piece
goes into it: that saves asking for memory and giving it back for each piece, and copying large ones. Of smaller ones
some more are remembered, for tasks that keep a piece while they wait for the next one. What somebody kept is never
touched. Only compiled code calls these.
"""

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

if cython.compiled:
    _spare = b""
    _room = 0
    _older = [b""] * REMEMBERED
    hide(_older)
    _oldest = 0


def bytes_of(data, size):
    """A bytes object of the `size` bytes at `data`."""
    global _spare, _room
    if size < WORTH_REUSE:
        return PyBytes_FromStringAndSize(data, size)
    is_usable = _fits(size) and _is_free()
    if not is_usable and size <= SMALL and _room <= SMALL:
        _turn_to_oldest()
        is_usable = _fits(size) and _is_free()
    if is_usable:
        memcpy(PyBytes_AS_STRING(_spare), data, size)
        set_size(_spare, size)
    else:
        _spare = PyBytes_FromStringAndSize(data, size)
        _room = size
    return _spare


def lend(vector):
    """Point `vector` to the remembered object's memory, if there is much of it and nobody else refers to it."""
    if _room < WORTH_NO_COPY or not _is_free():
        return False
    vector.iov_base = PyBytes_AS_STRING(_spare)
    vector.iov_len = _room
    return True


def given_back(size, rest):
    """A bytes object of the `size` bytes read to what was lent, and behind its end to `rest`."""
    global _spare, _room
    if _fits(size):
        set_size(_spare, size)
        return _spare
    if size < _room:
        return PyBytes_FromStringAndSize(PyBytes_AS_STRING(_spare), size)
    joined = PyBytes_FromStringAndSize(cython.NULL, size)
    memcpy(PyBytes_AS_STRING(joined), PyBytes_AS_STRING(_spare), _room)
    memcpy(PyBytes_AS_STRING(joined) + _room, rest, size - _room)
    _spare = joined
    _room = size
    return joined


def _turn_to_oldest():
    """Of the smaller ones, have that which was made first instead of the last."""
    global _spare, _room, _oldest
    last = _spare
    _spare = _older[_oldest]
    _older[_oldest] = last
    _room = PyBytes_GET_SIZE(_spare)
    _oldest = (_oldest + 1) % REMEMBERED
    return 0


def _is_free():
    """Whether nobody else refers to the remembered object."""
    return is_only_ours(cython.cast(cython.pointer(PyObject), _spare))  # an argument would be counted itself


def _fits(size):
    """Whether there is room for `size` bytes, and at least half of it is used: it may be kept for long."""
    return size <= _room <= 2 * size
