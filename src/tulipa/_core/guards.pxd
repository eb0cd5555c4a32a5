cimport cython
from cpython.object cimport PyObject

from tulipa._core.memory cimport is_untouched
from tulipa._core.native cimport new_reference
from tulipa._core.resuming cimport PYGEN_NEXT, PYGEN_RETURN, set_send
from tulipa._core.places cimport (
    LoopBound, Place, has_waiting, stand_before, stand_in, wake_every, wake_first, wake_next, wake_one,
)


cdef object PASSED


cdef class Guard(LoopBound):
    cdef public bint _plain
    cdef public object _waiters

    cpdef object _turn(self)
    cdef bint _guards_plainly(self) except -1
    cdef bint _is_locked(self) except -1
    cdef bint _take(self) except -1
    cdef Place _stand(self)
    cdef int _give_back(self) except -1


@cython.final
cdef class Turn:
    cdef Guard _guard
    cdef Place _place

    cdef bint _must_yield(self) except -1


@cython.locals(turn=Turn)
cdef Turn _turn_of(Guard guard)

@cython.locals(this=Turn)
cdef int _send(object turn, object value, PyObject **out) except -1


cdef class BaseLock(Guard):
    cdef public bint _locked


cdef class BaseSemaphore(Guard):
    cdef public object _value
    cdef public object _bound_value

    cdef int _hand_over(self) except -1
    cdef bint _hand_one_over(self) except -1


cdef class BaseEvent(LoopBound):
    cdef public object _line
    cdef public bint _value

    cpdef object _turn(self)
    cdef object _made_line(self)


cdef class BaseCondition(Guard):
    cdef public object _lock
    cdef public Guard _guard

    cpdef bint _retake(self) except -1
    cdef int _wake_some(self, object n) except -1
