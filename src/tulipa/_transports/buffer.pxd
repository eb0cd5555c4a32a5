cimport cython

from tulipa._transports.endpoint cimport Endpoint


@cython.final
cdef class WriteBuffer:
    cdef readonly Py_ssize_t size
    cdef readonly Py_ssize_t high
    cdef readonly Py_ssize_t low
    cdef bytes _first
    cdef list _more
    cdef Py_ssize_t _gone
    cdef Py_ssize_t _offset

    cpdef int append(self, bytes data) except -1
    @cython.locals(pieces=list, offered=Py_ssize_t, taken=Py_ssize_t)
    cpdef bint offer(self, Endpoint endpoint) except -1
    cpdef int clear(self) except -1
    cpdef int set_limits(self, object high, object low) except -1
    @cython.locals(gone=Py_ssize_t)
    cdef int _drop(self, Py_ssize_t taken) except -1
