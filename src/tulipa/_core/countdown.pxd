cimport cython

from tulipa._core.futures cimport Future
from tulipa._core.ready cimport Link, LoopState


@cython.final
cdef class Countdown:
    cdef readonly object _awaiter
    cdef list _children
    cdef Py_ssize_t _left
    cdef bint _return_exceptions

    @cython.locals(future=Future, state=LoopState)
    cpdef watch(self, object child)
    cdef _child_is_done(self, object child, bint failed)


@cython.final
cdef class Watch(Link):
    cdef Countdown _countdown
    cdef Future _future


cdef _result(object child)
cdef _outcome(object future)
