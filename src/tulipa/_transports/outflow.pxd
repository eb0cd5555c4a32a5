cimport cython

from tulipa._core.inflow cimport Inflow
from tulipa._core.native cimport referent
from tulipa._transports.life cimport Sink
from tulipa._transports.carrying cimport carry, is_ending


cdef class StreamEvents(Sink):
    cdef public object _loop
    cdef public bint _paused
    cdef public bint _connection_lost
    cdef public object _drain_waiters
    cdef public bint _drains_plainly
    cdef public object _stream_reader_wr

    cdef bint _takes_directly(self) except -1
    cdef int _take_data(self, bytes data) except -1
    cdef int _give(self, object data) except -1


cdef class Outflow:
    cdef public object _transport
    cdef public object _protocol
    cdef public object _reader
    cdef public object _loop

    @cython.locals(events=StreamEvents, ours=bint)
    cpdef bint _is_drained(self) except -1
