cimport cython

from tulipa._drivers.base cimport READ, WRITE
from tulipa._transports.base cimport Transport
from tulipa._transports.buffer cimport WriteBuffer


cdef class StreamTransport(Transport):
    cdef WriteBuffer _buffer
    cdef bint _paused
    cdef bint _eof_read
    cdef bint _eof_asked
    cdef bint _eof_sent
    cdef bint _blocked
    cdef bint _firing
    cdef bint _settle_asked
    cdef bint _protocol_paused
    cdef int _ignored_writes

    @cython.locals(interest=int)
    cdef int _update_interest(self) except -1
    @cython.locals(data=bytes)
    cdef int _receive(self) except -1
    @cython.locals(size=Py_ssize_t)
    cdef int _receive_into_protocol(self) except -1
    cdef int _receive_eof(self) except -1
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
