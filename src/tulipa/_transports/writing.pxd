cimport cython

from tulipa._drivers.base cimport READ, WRITE
from tulipa._transports.base cimport Transport
from tulipa._transports.buffer cimport WriteBuffer


cdef class WritingTransport(Transport):
    cdef WriteBuffer _buffer
    cdef bint _eof_asked
    cdef bint _eof_sent
    cdef bint _firing
    cdef bint _settle_asked
    cdef bint _protocol_paused
    cdef int _ignored_writes

    cdef int _prepare_writing(self) except -1
    cdef int _on_readable(self) except -1
    cdef int _take(self, object data) except -1
    @cython.locals(taken=Py_ssize_t)
    cdef int _offer_large(self, object data) except -1
    cdef int _after_append(self) except -1
    @cython.locals(asked=bint)
    cdef int _on_settle(self) except -1
    cdef int _flush(self) except -1
    cdef int _finish(self) except -1
    cdef int _warn_ignored(self) except -1
    cdef int _pause_protocol_if_full(self) except -1
    cdef int _resume_protocol_if_low(self) except -1
