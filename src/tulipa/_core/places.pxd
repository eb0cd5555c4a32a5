cimport cython
from cpython.object cimport PyObject

from tulipa._core.futures cimport Future
from tulipa._core.native cimport PYGEN_NEXT, PYGEN_RETURN, as_model, copy_of, new_reference, set_send
from tulipa._core.ready cimport LoopState


@cython.final
cdef class Place(Future):
    cdef object _line
    cdef bint _yielded

    cdef bint _must_yield(self) except -1
    cdef int _leave(self) except -1


@cython.locals(this=Place)
cdef int _send(object place, object value, PyObject **out) except -1

@cython.locals(place=Place, state=LoopState, debug=bint)
cpdef Place stand_in(object line, object owner, bint first=*)

cdef object _model
cdef object _get_running_loop

@cython.locals(place=Place)
cpdef bint wake(object waiter) except -1

cpdef bint wake_first(object line) except -1
cpdef int wake_every(object line) except -1
cpdef bint wake_next(object line) except -1


@cython.final
cdef class Passed:
    pass


cdef int _send_passed(object passed, object value, PyObject **out) except -1
