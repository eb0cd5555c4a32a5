cimport cython
from cpython.object cimport PyObject

from tulipa._core.native cimport set_send

cdef extern from *:
    """
    #define tulipa_new_reference(object) (Py_INCREF(object), (object))
    """
    PyObject *new_reference "tulipa_new_reference"(object)
    int PYGEN_NEXT
    int PYGEN_RETURN


@cython.final
@cython.freelist(64)
cdef class Pause:
    cdef object _result
    cdef bint _resumed

    cdef bint _must_wait(self)


@cython.locals(this=Pause)
cdef int _send(object pause, object value, PyObject **out) except -1
