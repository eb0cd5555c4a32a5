cimport cython
from cpython.object cimport PyObject

from tulipa._transports.life cimport Transport

cdef extern from *:
    """
    #define tulipa_pointer_to(transport) ((PyObject *)(transport))
    """
    PyObject *pointer_to "tulipa_pointer_to"(Transport transport)


@cython.final
cdef class Clients:
    cdef PyObject *_first
    cdef object _weak
    cdef readonly Py_ssize_t count
    cdef public bint coming
    cdef public object when_none

    cpdef int tell_if_none(self) except -1

    @cython.locals(itself=Transport)
    cpdef add(self, Transport transport)
    @cython.locals(itself=Transport)
    cpdef discard(self, Transport transport)
    @cython.locals(place="PyObject *", client=Transport, found=list)
    cpdef list listed(self)
