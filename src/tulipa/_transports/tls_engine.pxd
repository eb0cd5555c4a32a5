cimport cython

from tulipa._transports.endpoint cimport Endpoint


cdef class TLSEngine(Endpoint):
    cdef readonly object ssl_object
    cdef bint _listens
    cdef object _incoming
    cdef object _outgoing
    cdef bytes _header
    cdef Py_ssize_t _missing
    cdef Py_ssize_t _tail
    cdef bint _unknown
    cdef bint _ended
    cdef object _failure

    cdef int _wrap(self, object context, bint server_side, object server_hostname) except -1
    cpdef bint handshake(self) except -1
    cpdef int feed(self, bytes data) except -1
    cpdef bint has_input(self) except -1
    cpdef Py_ssize_t pending(self) except -1
    cpdef bytes output(self)
    @cython.locals(at=Py_ssize_t, size=Py_ssize_t, taken=Py_ssize_t)
    cdef int _follow_records(self, bytes data) except -1
    cdef int _start_record(self) except -1
    @cython.locals(parts=list)
    cpdef object receive(self)
    @cython.locals(size=Py_ssize_t, whole=Py_ssize_t)
    cpdef Py_ssize_t receive_into(self, object buffer) except -2
    cdef int _raise_failure(self) except -1
    @cython.locals(taken=Py_ssize_t)
    cpdef Py_ssize_t send(self, object data) except -2
    @cython.locals(some=list, size=Py_ssize_t)
    cpdef Py_ssize_t send_many(self, list pieces, Py_ssize_t offset) except -2
    cpdef finish(self)
    cpdef close(self)
