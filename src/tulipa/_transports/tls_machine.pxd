from tulipa._transports.tls_engine cimport TLSEngine


cpdef enum:
    HANDSHAKE, OPEN, PEER_DONE, SHUTDOWN, CLOSED

cpdef enum:
    NEED_DATA, CONNECTED, DATA, ENDED, OVER


cdef class TLSMachine:
    cdef readonly TLSEngine engine
    cdef readonly int state
    cdef readonly bint connected
    cdef readonly bytes data
    cdef readonly Py_ssize_t size
    cdef bint _eof

    cpdef int feed(self, bytes data) except -1
    cpdef int feed_eof(self) except -1
    cpdef bint has_input(self) except -1
    cpdef bytes output(self)
    cpdef int next_event(self, object buffer=*) except -1
    cpdef int shutdown(self) except -1
    cdef int _shake_hands(self) except -1
    cdef int _read(self, object buffer) except -1
    cdef int _await_end(self) except -1
