cimport cython
from cpython.object cimport PyObject

from tulipa._core.futures cimport Future
from tulipa._core.memory cimport as_model, collector_room, copy_of, forget_dict, free_flatly, keep_spares
from tulipa._core.native cimport append, new_reference, popleft, running_loop
from tulipa._core.resuming cimport PYGEN_NEXT, PYGEN_RETURN, set_send
from tulipa._core.ready cimport LoopState

cdef extern from *:
    """
    /* By the field that it stands in and the variable that asks. Elsewhere a count proves nothing. */
    #if defined(PYPY_VERSION) || defined(Py_GIL_DISABLED)
    #define tulipa_is_shared_by_two(place) ((void)(place), 0)
    #else
    #define tulipa_is_shared_by_two(place) (Py_REFCNT(place) == 2)
    #endif
    """
    bint is_shared_by_two "tulipa_is_shared_by_two"(Place place)

cdef object _binding
cdef object _model


cdef class LoopBound:
    cdef public object _loop
    cdef dict __dict__
    cdef object __weakref__

    @cython.final
    cdef int _check_loop(self) except -1
    @cython.final
    cdef int _bind(self, object loop) except -1
    cdef int _arrived(self) except -1
    cdef int _abandoned(self, Place place) except -1


cdef class Place(Future):
    cdef object _line
    cdef LoopBound _owner
    cdef bint _yielded

    @cython.final
    @cython.locals(owner=LoopBound)
    cdef bint _must_yield(self) except -1
    @cython.locals(owner=LoopBound)
    cdef int _abandon(self) except -1
    @cython.final
    cdef int _leave(self) except -1


@cython.locals(this=Place)
cdef int send_place(object place, object value, PyObject **out) except -1

@cython.locals(place=Place, state=LoopState, debug=bint)
cpdef Place stand_in(object line, LoopBound owner, bint first=*)
@cython.locals(place=Place)
cdef Place stand_alone(LoopState loop)
@cython.locals(place=Place)
cdef Place stand_before(object line, LoopBound owner)

@cython.locals(place=Place)
cpdef bint wake(object waiter) except -1
cdef bint is_cancelled(object waiter) except -1
cdef bint has_waiting(object line) except -1
cpdef bint wake_first(object line) except -1
cdef bint wake_one(object line) except -1
cpdef int wake_every(object line) except -1
cpdef bint wake_next(object line) except -1


@cython.final
cdef class Passed:
    pass


cdef int _send_passed(object passed, object value, PyObject **out) except -1
