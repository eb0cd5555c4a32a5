cimport cython

from tulipa._core.inflow cimport Inflow


cdef class StreamEvents:
    cdef public object _loop
    cdef public bint _paused
    cdef public bint _connection_lost
    cdef public object _drain_waiters
    cdef public bint _drains_plainly
    cdef public object _stream_reader_wr


cdef class Outflow:
    cdef public object _transport
    cdef public object _protocol
    cdef public object _reader
    cdef public object _loop

    @cython.locals(events=StreamEvents, ours=bint)
    cpdef bint _is_drained(self) except -1
