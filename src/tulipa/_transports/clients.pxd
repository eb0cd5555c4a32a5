cimport cython
from cpython.object cimport PyObject

from tulipa._transports.life cimport Roster, Transport

cdef extern from *:
    """
    #define tulipa_pointer_to(transport) ((PyObject *)(transport))
    """
    PyObject *pointer_to "tulipa_pointer_to"(Transport transport)


cdef class Clients(Roster):
    cdef PyObject *_first
    cdef object _weak
    cdef readonly Py_ssize_t count
    cdef public bint coming
    cdef public object when_none

    cpdef int tell_if_none(self) except -1

    @cython.locals(itself=Transport)
    cdef int _enter(self, Transport transport) except -1
    @cython.locals(itself=Transport)
    cdef int _strike(self, Transport transport) except -1
    @cython.locals(place="PyObject *", client=Transport, found=list)
    cpdef list listed(self)
