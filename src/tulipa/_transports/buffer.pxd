cimport cython
from libc.string cimport memcpy

from tulipa._core.memory cimport as_model, copy_of
from tulipa._transports.datagram_endpoint cimport DatagramEndpoint
from tulipa._transports.endpoint cimport Endpoint
from tulipa._transports.reuse cimport bytes_of

cdef extern from "Python.h":
    char *PyBytes_AS_STRING(object data)
    Py_ssize_t PyBytes_GET_SIZE(object data)

cdef int _HEADER
cdef Py_ssize_t _HIGH

cdef enum:
    WORTH_JOINING = 4096

cdef char[WORTH_JOINING] _joined


cdef class Backlog:
    cdef readonly Py_ssize_t size
    cdef readonly Py_ssize_t high
    cdef readonly Py_ssize_t low

    cdef int _begin(self) except -1
    cpdef int set_limits(self, object high, object low) except -1


@cython.final
cdef class WriteBuffer(Backlog):
    cdef bytes _first
    cdef list _more
    cdef Py_ssize_t _gone
    cdef Py_ssize_t _offset

    cpdef int append(self, bytes data) except -1
    @cython.locals(size=Py_ssize_t, piece=bytes)
    cpdef int extend(self, object pieces) except -1
    @cython.locals(pieces=list, offered=Py_ssize_t, taken=Py_ssize_t)
    cpdef bint offer(self, Endpoint endpoint) except -1
    cpdef int clear(self) except -1
    @cython.locals(gone=Py_ssize_t)
    cdef int _drop(self, Py_ssize_t taken) except -1


@cython.locals(piece=bytes, size=Py_ssize_t)
cdef bytes joined(object pieces)


cdef WriteBuffer new_write_buffer()


@cython.final
cdef class DatagramQueue(Backlog):
    cdef readonly Py_ssize_t count
    cdef list _data
    cdef list _addresses
    cdef Py_ssize_t _gone

    cpdef int append(self, bytes data, object address) except -1
    @cython.locals(taken=Py_ssize_t)
    cpdef Py_ssize_t offer(self, DatagramEndpoint endpoint, Py_ssize_t most) except -2
    cpdef object first_address(self)
    @cython.locals(gone=Py_ssize_t)
    cpdef int drop(self, Py_ssize_t number) except -1
    cpdef int clear(self) except -1
