"""Socket addresses between the kernel's form and Python's, in C; equal to what the `socket` module makes of them.

Only compiled code calls these: interpreted, the `socket` module does it all. They know IPv4, IPv6 and UNIX
addresses, and of those to send to only what needs no looking up; `pack_address` leaves the rest to the `socket`
module, errors included.

Programs hear from the same peers again and again, and answer with the very tuple that they got. So a few tuples
are kept, by what the kernel said and by their identity. They can't change: kept are tuples of exactly strings and
integers.
"""

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

if cython.compiled:
    _seen = [None] * KEPT
    _packed = [None] * KEPT


def address_of(raw, size):
    """What socket.recvfrom tells of the sender `raw`, `size` bytes long; there is a byte of room behind."""
    if size == 0:
        return None
    if raw.plain.sa_family == AF_UNIX:
        return _local_name(raw, size)
    if raw.plain.sa_family == AF_INET:
        slot = v4_hash(raw) % KEPT
        if _seen[slot] is not None and v4_equal(cython.address(_seen_raw[slot]), raw):
            return _seen[slot]
        inet_ntop(AF_INET, cython.address(raw.v4.sin_addr), text, 64)
        address = (PyUnicode_FromString(text), ntohs(raw.v4.sin_port))
    else:
        slot = v6_hash(raw) % KEPT
        if _seen[slot] is not None and v6_equal(cython.address(_seen_raw[slot]), raw):
            return _seen[slot]
        inet_ntop(AF_INET6, cython.address(raw.v6.sin6_addr), text, 64)
        address = (
            PyUnicode_FromString(text), ntohs(raw.v6.sin6_port), ntohl(raw.v6.sin6_flowinfo), raw.v6.sin6_scope_id
        )
    _seen[slot] = address
    _seen_raw[slot] = raw[0]
    _keep_packed(address, raw)
    return address


def _local_name(raw, size):
    length = size - LOCAL_OFFSET
    if length > 0 and raw.local.sun_path[0] == 0:
        return PyBytes_FromStringAndSize(raw.local.sun_path, length)
    raw.room[size] = 0
    return PyUnicode_DecodeFSDefault(raw.local.sun_path)


def pack_address(address, family, raw):
    """Write the kernel's form of `address` to `raw`; its size, 0 where only the `socket` module can tell."""
    if family == AF_UNIX:
        return _pack_local(address, raw)
    if type(address) is not tuple:
        return 0
    slot = pointer_hash(cython.cast(cython.p_void, address)) % KEPT
    if _packed[slot] is not address or _packed_raw[slot].plain.sa_family != family:
        memset(raw, 0, cython.sizeof(sockaddr_in6))
        if not _pack_internet(address, family, raw):
            return 0
        _keep_packed(address, raw)
    if family == AF_INET:
        memcpy(raw, cython.address(_packed_raw[slot]), cython.sizeof(sockaddr_in))
        return cython.sizeof(sockaddr_in)
    memcpy(raw, cython.address(_packed_raw[slot]), cython.sizeof(sockaddr_in6))
    return cython.sizeof(sockaddr_in6)


def _pack_internet(address, family, raw):
    """False unless it is a numeric address of that family, made of exactly a string and integers in range."""
    if not 2 <= len(address) <= (2 if family == AF_INET else 4) or type(address[0]) is not str:
        return False
    port = _number(address[1], 0xFFFF)
    flow = _number(address[2], 0xFFFFF) if len(address) > 2 else 0
    scope = _number(address[3], 0xFFFFFFFF) if len(address) > 3 else 0
    if port < 0 or flow < 0 or scope < 0 or not address[0].isascii():
        return False
    text = PyUnicode_AsUTF8AndSize(address[0], cython.address(length))
    if memchr(text, 0, length) != cython.NULL:
        return False
    if family == AF_INET:
        raw.v4.sin_family = AF_INET
        raw.v4.sin_port = htons(port)
        return inet_pton(AF_INET, text, cython.address(raw.v4.sin_addr)) == 1
    raw.v6.sin6_family = AF_INET6
    raw.v6.sin6_port = htons(port)
    raw.v6.sin6_flowinfo = htonl(flow)
    raw.v6.sin6_scope_id = scope
    return inet_pton(AF_INET6, text, cython.address(raw.v6.sin6_addr)) == 1


def _number(value, limit):
    """`value` as a C integer, -1 unless it is exactly an int from 0 to `limit`."""
    return value if type(value) is int and 0 <= value <= limit else -1


def _pack_local(path, raw):
    """0 unless it is a path or an abstract name that fits."""
    if type(path) is str:
        name = PyUnicode_EncodeFSDefault(path)
    elif type(path) is bytes:
        name = path
    else:
        return 0
    length = PyBytes_GET_SIZE(name)
    if length == 0 or length >= LOCAL_LIMIT:
        return 0
    if PyBytes_AS_STRING(name)[0] != 0:
        if memchr(PyBytes_AS_STRING(name), 0, length) != cython.NULL:
            return 0
        length += 1  # the kernel wants the NUL of a path, which a bytes object has behind its end
    raw.local.sun_family = AF_UNIX
    memcpy(raw.local.sun_path, PyBytes_AS_STRING(name), length)
    return LOCAL_OFFSET + length


def _keep_packed(address, raw):
    slot = pointer_hash(cython.cast(cython.p_void, address)) % KEPT
    _packed[slot] = address
    memcpy(cython.address(_packed_raw[slot]), raw, cython.sizeof(sockaddr_in6))
    return 0
