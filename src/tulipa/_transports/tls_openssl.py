"""The TLS engine that calls OpenSSL itself, where the ssl module's own OpenSSL can be reached. Compiled only.

The ssl module makes the SSL: contexts, certificates and callbacks stay its business. Then the very SSL of the
ssl.SSLObject is taken over, with a BIO of ours in the place of the memory BIOs: it reads from the bytes that arrived,
where they are, and writes into the bytes that leave. The handshake goes by SSL_do_handshake, so that no exception is
needed to say "not yet", the data by SSL_read_ex and SSL_write_ex.

Some facts, and what follows from them:

- dlsym on a library looks into it and into what it was linked with. So: looking in `_ssl`'s own file finds the
  libssl that it uses, and no other one in the process. Where `_ssl` is part of the executable, nothing is looked for.
- `_ssl`'s objects begin with the pointers that they wrap, but nobody promises that. So: before the first use
  `available` compares them with what public calls say, and what does not fit is not used.
- An application may keep the ssl.SSLObject longer than the connection. So: the BIO forgets us when we end.
- Callbacks for messages and keys (`_msg_callback`, `keylog_filename`) keep their exceptions for the ssl module to
  raise. So: connections that have them stay with the ssl module.
- A context may have an `sslobject_class` of its own, whose do_handshake() says more. So: its connections, too, stay
  with the ssl module.
- A callback for server names (`sni_callback`) is given the SSLObject in the middle of the handshake, and may give it
  another context. So: connections that have one are taken over after the handshake.
- A handshake that has failed answers another call with -1 and leaves OpenSSL's errors where they are. So: the ssl
  module is asked once more then, and raises what it always does.
- What the ssl module sets on each SSL (partial writes, moving buffers, automatic retry) holds for our calls too: a
  write takes one record, never waits, and may be repeated from another place.
- It also has OpenSSL give back its two buffers, 34 KB, after each record: right for idle connections, but a twentieth
  of a busy one's instructions. So: up to SEATS of those that had BUSY calls lately keep theirs, two megabytes in all.
"""

import _ssl
import ssl

import cython

from tulipa._transports.tls_engine import TLSEngine

if not cython.compiled:
    raise ImportError("this module works only compiled")


class OpenSSLEngine(TLSEngine):
    """TLS by OpenSSL's own functions."""

    def __init__(self, context, server_side, server_hostname):
        if self._bio != cython.NULL:
            raise RuntimeError("an engine can't begin again: its seat would be forgotten; make another one")
        self._ssl = cython.NULL
        self._bio = cython.NULL
        self._out = cython.NULL
        self._input = None
        self._kept = None
        self._wrapper = None
        self._calls = 0
        self._seat = -1
        self._wrap(context, server_side, server_hostname)
        if self._is_known() and self.ssl_object.context.sni_callback is None:
            self._take_over()

    def __dealloc__(self):
        if self._seat >= 0:
            _seats[self._seat] = cython.NULL
        if self._bio != cython.NULL:
            _lib.BIO_set_data(self._bio, cython.NULL)
            _lib.BIO_free(self._bio)
        release(self._out)
        free(self._channel.spill)

    def handshake(self):
        if self._ssl == cython.NULL:
            if not TLSEngine.handshake(self):
                return False
            if self._is_known():
                self._take_over()
            return True
        if self._listens:
            return False
        self._clear_errors()
        with cython.nogil:
            result = _lib.SSL_do_handshake(self._ssl)
            why = _lib.SSL_get_error(self._ssl, result)
        try:
            # What went wrong is the ssl module's to tell.
            return result == 1 or (why != ERROR_WANT_READ and TLSEngine.handshake(self))
        finally:
            if self._channel.left == 0:
                self._input = None
            self._end_output()

    def _is_known(self):
        """Whether the SSLObject is one that can be taken over."""
        wrapper = self.ssl_object._sslobj
        context = self.ssl_object.context
        if type(wrapper) is not _ssl._SSLSocket or wrapped(wrapper, 2) != cython.cast("void *", context):
            return False
        if type(self.ssl_object) is not ssl.SSLObject:
            return False
        return context._msg_callback is None and context.keylog_filename is None

    def _take_over(self):
        bio = _lib.BIO_new(_method)
        if bio == cython.NULL:
            raise MemoryError
        self._kept = TLSEngine.output(self) or None
        arrived = self._incoming.read()
        self._bio = bio
        _lib.BIO_set_data(bio, cython.address(self._channel))
        _lib.BIO_set_init(bio, 1)
        _lib.BIO_up_ref(bio)
        self._wrapper = self.ssl_object._sslobj  # it frees the SSL
        self._ssl = wrapped(self._wrapper, 1)
        _lib.SSL_set_bio(self._ssl, bio, bio)
        self._incoming = self._outgoing = None
        if arrived:
            self.feed(arrived)
        return 0

    # -- ciphertext -----------------------------------------------------------------------------------------

    def feed(self, data):
        if self._ssl == cython.NULL:
            return TLSEngine.feed(self, data)
        self._listens = False
        if self._channel.left > 0:
            data = self._input[PyBytes_GET_SIZE(self._input) - self._channel.left :] + data
        self._input = data
        self._channel.arrived = PyBytes_AS_STRING(data)
        self._channel.left = PyBytes_GET_SIZE(data)
        return 0

    def pending(self):
        return TLSEngine.pending(self) if self._ssl == cython.NULL else self._channel.left

    def has_input(self):
        if self._ssl == cython.NULL:
            return TLSEngine.has_input(self)
        return self._channel.left > 0 or self._ended or self._failure is not None or _lib.SSL_pending(self._ssl) > 0

    def output(self):
        if self._ssl == cython.NULL:
            return TLSEngine.output(self)
        kept = self._kept
        if kept is None:
            return b""
        self._kept = None
        return kept

    def _begin_output(self, size):
        """Have the ciphertext of `size` bytes written to where it stays."""
        room = size + (size // RECORD + 2) * RECORD_COST
        self._out = new_bytes(cython.NULL, room)
        self._channel.out = bytes_memory(self._out)
        self._channel.size = 0
        self._channel.room = room
        return 0

    def _end_output(self):
        """Keep what was written, for `output`."""
        made = None
        if self._out != cython.NULL:
            self._channel.out = cython.NULL
            self._channel.room = 0
            if self._channel.size > 0:
                resize_bytes(cython.address(self._out), self._channel.size)
                made = handed_over(self._out)
            else:
                release(self._out)
            self._out = cython.NULL
        if self._channel.spilled > 0:
            spilled = self._channel.spill[: self._channel.spilled]
            made = spilled if made is None else made + spilled
            free(self._channel.spill)
            self._channel.spill = cython.NULL
            self._channel.spilled = self._channel.spill_room = 0
        if made is not None:
            self._kept = made if self._kept is None else self._kept + made
        return 0

    # -- plaintext ------------------------------------------------------------------------------------------

    def receive(self):
        if self._ssl == cython.NULL:
            return TLSEngine.receive(self)
        self._raise_failure()
        # Plaintext is never longer than its ciphertext.
        room = self._channel.left + _lib.SSL_pending(self._ssl)
        if room == 0 or self._ended:
            return b"" if self._ended else None
        data = new_bytes(cython.NULL, room)
        size = self._decrypt(bytes_memory(data), room)
        if size == 0:
            release(data)
            self._raise_failure()
            return b"" if self._ended else None
        if size < room:
            resize_bytes(cython.address(data), size)
        return handed_over(data)

    def receive_into(self, buffer):
        if self._ssl == cython.NULL:
            return TLSEngine.receive_into(self, buffer)
        self._raise_failure()
        size = 0
        if not self._ended:
            PyObject_GetBuffer(buffer, cython.address(view), PyBUF_WRITABLE)
            try:
                size = self._decrypt(cython.cast("char *", view.buf), view.len)
            finally:
                PyBuffer_Release(cython.address(view))
        if size > 0 or self._ended:
            return size
        self._raise_failure()
        return -1

    def _decrypt(self, data, room):
        """Fill `data` as far as there is plaintext; what stopped it is in `_ended` or `_failure`."""
        self._clear_errors()
        size = 0
        count = 0
        while size < room:
            if not _lib.SSL_read_ex(self._ssl, data + size, room - size, cython.address(count)):
                self._failure = self._failure_of(0)
                break
            size += count
            if self._channel.left == 0 and _lib.SSL_pending(self._ssl) == 0:
                # What OpenSSL may have of the next record is incomplete.
                break
        if self._channel.left == 0:
            self._input = None
        if self._channel.spilled > 0:
            self._end_output()
        if self._seat < 0:
            self._count_call()
        return size

    def send(self, data):
        if self._ssl == cython.NULL:
            return TLSEngine.send(self, data)
        if type(data) is bytes:
            self._begin_output(min(PyBytes_GET_SIZE(data), SEND_LIMIT))
            try:
                taken = self._encrypt(PyBytes_AS_STRING(data), min(PyBytes_GET_SIZE(data), SEND_LIMIT))
            finally:
                self._end_output()
            return taken or -1
        PyObject_GetBuffer(data, cython.address(view), PyBUF_SIMPLE)
        try:
            self._begin_output(min(view.len, SEND_LIMIT))
            taken = self._encrypt(cython.cast("char *", view.buf), min(view.len, SEND_LIMIT))
        finally:
            PyBuffer_Release(cython.address(view))
            self._end_output()
        return taken or -1

    def send_many(self, pieces, offset):
        """Small pieces go together into one record, by a copy; large ones are not copied for that."""
        if self._ssl == cython.NULL:
            return TLSEngine.send_many(self, pieces, offset)
        piece = pieces[0]
        total = 0
        if PyBytes_GET_SIZE(piece) - offset >= RECORD or len(pieces) == 1:
            total = min(PyBytes_GET_SIZE(piece) - offset, SEND_LIMIT)
            self._begin_output(total)
            try:
                taken = self._encrypt(PyBytes_AS_STRING(piece) + offset, total)
            finally:
                self._end_output()
            return taken or -1
        for i in range(len(pieces)):
            piece = pieces[i]
            count = min(PyBytes_GET_SIZE(piece) - offset, RECORD - total)
            memcpy(_record + total, PyBytes_AS_STRING(piece) + offset, count)
            total += count
            offset = 0
            if total == RECORD:
                break
        self._begin_output(total)
        try:
            taken = self._encrypt(_record, total)
        finally:
            self._end_output()
        return taken or -1

    def _encrypt(self, data, size):
        """How much of `data` was taken, all of it unless a renegotiation has to come first. Raises ssl.SSLError."""
        self._clear_errors()
        taken = 0
        count = 0
        while taken < size:
            if not _lib.SSL_write_ex(self._ssl, data + taken, size - taken, cython.address(count)):
                failure = self._failure_of(0)
                if failure is not None:
                    raise failure
                break
            taken += count
        if self._seat < 0:
            self._count_call()
        return taken

    def finish(self):
        if self._ssl == cython.NULL:
            TLSEngine.finish(self)
            return
        self._clear_errors()
        result = _lib.SSL_shutdown(self._ssl)
        self._end_output()
        if result == 1:
            self._ended = True
        elif result < 0:
            failure = self._failure_of(result)
            if failure is not None:
                raise failure

    # -- who keeps OpenSSL's buffers ------------------------------------------------------------------------

    def _count_call(self):
        """Whoever is busy takes the next seat, which need not be free: one that is still busy soon has another."""
        global _next_seat
        self._calls += 1
        if self._calls < BUSY:
            return 0
        if _seats[_next_seat] != cython.NULL:
            cython.cast(OpenSSLEngine, _seats[_next_seat])._leave_seat()
        _seats[_next_seat] = cython.cast(pointer, self)
        self._seat = _next_seat
        _next_seat = (_next_seat + 1) % SEATS
        _lib.SSL_ctrl(self._ssl, CLEAR_MODE, RELEASE_BUFFERS, cython.NULL)
        return 0

    def _leave_seat(self):
        _seats[self._seat] = cython.NULL
        self._seat = -1
        self._calls = 0
        _lib.SSL_ctrl(self._ssl, SET_MODE, RELEASE_BUFFERS, cython.NULL)
        _lib.SSL_free_buffers(self._ssl)  # where something is in them, they go with the next record
        return 0

    def _clear_errors(self):
        """OpenSSL takes an error that somebody left behind for one of this call."""
        if _lib.ERR_peek_error() != 0:
            _lib.ERR_clear_error()
        return 0

    def _failure_of(self, result):
        """The exception for a call that failed; None where it only waits, or has come to the end."""
        why = _lib.SSL_get_error(self._ssl, result)
        if why == ERROR_ZERO_RETURN:
            self._ended = True
            return None
        if why == ERROR_WANT_READ:
            return None
        code = _lib.ERR_peek_last_error()
        library = _lib.ERR_lib_error_string(code)
        reason = _lib.ERR_reason_error_string(code)
        _lib.ERR_clear_error()
        return _error(
            why, code,
            "" if library == cython.NULL else cython.cast(bytes, library).decode(),
            "" if reason == cython.NULL else cython.cast(bytes, reason).decode(),
        )


def _error(why, code, library, text):
    """An ssl.SSLError as the ssl module makes them: with the names of the library and of its own reasons."""
    if why != ERROR_SSL or not text:
        return ssl.SSLError(why, text or "A failure in the SSL library occurred")
    library = library.removesuffix(" routines").upper() or "SSL"
    reason = None if _is_common(code) else text.replace(" ", "_").replace("-", "_").upper()
    error = ssl.SSLError(why, f"[{library}{f': {reason}' if reason else ''}] {text}")
    error.library = library
    error.reason = reason
    return error


def _is_common(code):
    """Whether the reason in an error code is one that all of OpenSSL's libraries have."""
    if ssl.OPENSSL_VERSION_NUMBER < 0x30000000:
        return code & 0xFFF < 100
    return bool(code & COMMON_REASON)


# -- the BIO: C functions, which OpenSSL also calls without the GIL, when the application uses the SSLObject itself --


def _bio_read(bio, data, size):
    channel = cython.cast("Channel *", _lib.BIO_get_data(bio))
    _lib.BIO_clear_flags(bio, ALL_RETRY_FLAGS)
    if channel == cython.NULL or channel.left == 0:
        _lib.BIO_set_flags(bio, RETRY_READ)
        return -1
    taken = size
    if channel.left < size:
        taken = cython.cast(cython.int, channel.left)
    memcpy(data, channel.arrived, taken)
    channel.arrived += taken
    channel.left -= taken
    return taken


def _bio_write(bio, data, size):
    channel = cython.cast("Channel *", _lib.BIO_get_data(bio))
    _lib.BIO_clear_flags(bio, ALL_RETRY_FLAGS)
    if channel == cython.NULL:
        # The connection is gone: nobody will read it.
        return size
    if channel.spilled == 0 and channel.room - channel.size >= size:
        memcpy(channel.out + channel.size, data, size)
        channel.size += size
        return size
    if channel.spill_room - channel.spilled < size:
        room = (channel.spilled + size) * 2
        more = cython.cast("char *", realloc(channel.spill, room))
        if more == cython.NULL:
            return -1
        channel.spill = more
        channel.spill_room = room
    memcpy(channel.spill + channel.spilled, data, size)
    channel.spilled += size
    return size


def _bio_control(bio, command, number, pointer):
    return 1 if command == FLUSH else 0


# -- finding OpenSSL --------------------------------------------------------------------------------------------


def available():
    """Whether the ssl module's OpenSSL can be reached and is what this module expects."""
    try:
        _load()
        _check_layout()
        _make_method()
    except (AttributeError, OSError):
        return False
    return True


def _load():
    """Fill `_lib`. Raises OSError or AttributeError where that can't be done safely."""
    if not ssl.OPENSSL_VERSION.startswith("OpenSSL ") or ssl.OPENSSL_VERSION_NUMBER < 0x10101000:
        raise OSError(f"{ssl.OPENSSL_VERSION} is not OpenSSL 1.1.1 or later")
    library = dlopen(_ssl.__file__.encode(), RTLD_NOW | RTLD_NOLOAD)
    if library == cython.NULL:
        raise OSError(f"{_ssl.__file__} is not loaded")
    _find_symbols(library)
    if _lib.OpenSSL_version_num() != ssl.OPENSSL_VERSION_NUMBER:
        raise OSError("the ssl module uses another OpenSSL")
    return 0


# In the order of the fields of Library, in the .pxd.
_SYMBOLS = (
    b"OpenSSL_version_num",
    b"SSL_do_handshake", b"SSL_read_ex", b"SSL_write_ex", b"SSL_get_error", b"SSL_pending", b"SSL_shutdown",
    b"SSL_ctrl", b"SSL_free_buffers",
    b"SSL_get_rbio", b"SSL_get_wbio", b"SSL_set_bio",
    b"ERR_peek_error", b"ERR_peek_last_error", b"ERR_clear_error",
    b"ERR_lib_error_string", b"ERR_reason_error_string",
    b"BIO_get_new_index", b"BIO_meth_new", b"BIO_meth_set_read", b"BIO_meth_set_write", b"BIO_meth_set_ctrl",
    b"BIO_new", b"BIO_free", b"BIO_up_ref", b"BIO_set_init", b"BIO_set_data", b"BIO_get_data",
    b"BIO_set_flags", b"BIO_clear_flags", b"BIO_ctrl_pending",
)  # fmt: skip


def _find_symbols(library):
    slots = cython.cast("void **", cython.address(_lib))
    if len(_SYMBOLS) * cython.sizeof("void *") != cython.sizeof(_lib):
        raise OSError("the table of OpenSSL's functions does not match its names")
    for i in range(len(_SYMBOLS)):
        found = dlsym(library, _SYMBOLS[i])
        if found == cython.NULL:
            raise OSError(f"OpenSSL here has no {_SYMBOLS[i].decode()}")
        slots[i] = found
    return 0


def _make_method():
    """The kind of BIO that reads from and writes to a Channel."""
    global _method
    _method = _lib.BIO_meth_new(_lib.BIO_get_new_index() | SOURCE_SINK, b"tulipa")
    if _method == cython.NULL:
        raise MemoryError
    _lib.BIO_meth_set_read(_method, _bio_read)
    _lib.BIO_meth_set_write(_method, _bio_write)
    _lib.BIO_meth_set_ctrl(_method, _bio_control)
    return 0


def _check_layout():
    """Raises OSError where `_ssl`'s objects are not laid out as expected."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    incoming = ssl.MemoryBIO()
    outgoing = ssl.MemoryBIO()
    wrapper = context.wrap_bio(incoming, outgoing, server_hostname="localhost")._sslobj
    pointer = cython.sizeof("void *")
    if type(wrapper).__basicsize__ < object.__basicsize__ + 3 * pointer:
        raise OSError("_ssl._SSLSocket is too small")
    if type(incoming).__basicsize__ < object.__basicsize__ + pointer:
        raise OSError("_ssl.MemoryBIO is too small")
    # The weak reference to a socket, of which there is none; the SSL; the context.
    if wrapped(wrapper, 0) != cython.NULL or wrapped(wrapper, 2) != cython.cast("void *", context):
        raise OSError("_ssl._SSLSocket has other fields")
    found = wrapped(wrapper, 1)
    if found == cython.NULL:
        raise OSError("_ssl._SSLSocket has other fields")
    incoming.write(b"tulip")
    reading = _lib.SSL_get_rbio(found)
    if reading != wrapped(incoming, 0) or _lib.SSL_get_wbio(found) != wrapped(outgoing, 0):
        raise OSError("_ssl.MemoryBIO has other fields")
    if _lib.BIO_ctrl_pending(reading) != 5:
        raise OSError("the BIO is another one")
    return 0
