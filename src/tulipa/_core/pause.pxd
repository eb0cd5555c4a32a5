cimport cython
from cpython.object cimport PyObject

from tulipa._core.native cimport new_reference
from tulipa._core.resuming cimport PYGEN_NEXT, PYGEN_RETURN, set_send


@cython.final
cdef class Pause:
    cdef object _result
    cdef bint _resumed

    cdef bint _must_wait(self) except -1


@cython.locals(pause=Pause)
cpdef object sleep(object delay, object result=*)

@cython.locals(this=Pause)
cdef int _send(object pause, object value, PyObject **out) except -1
