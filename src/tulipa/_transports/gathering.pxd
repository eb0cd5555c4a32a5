cimport cython

from tulipa._transports.life cimport Transport
from tulipa._transports.buffer cimport Backlog
from tulipa._transports.telling cimport tell_writing, warn_ignored


cdef class GatheringTransport(Transport):
    cdef Backlog _backlog
    cdef bint _firing
    cdef bint _settle_asked
    cdef readonly bint _protocol_paused
    cdef int _ignored_writes

    cdef int _prepare_gathering(self, Backlog backlog) except -1
    cdef int _flush(self) except -1
    cdef int _after_append(self) except -1
    @cython.locals(asked=bint)
    cdef int _on_settle(self) except -1
    cdef int _warn_ignored(self) except -1
    cdef int _pause_protocol_if_full(self) except -1
    cdef int _resume_protocol_if_low(self) except -1
