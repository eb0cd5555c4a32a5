cimport cython
from cpython.object cimport PyObject

from tulipa._core.memory cimport as_model, copy_of
from tulipa._core.native cimport new_reference, set_signature
from tulipa._core.resuming cimport PYGEN_RETURN, set_send
from tulipa._core.scheduler cimport Scheduler
from tulipa._core.tasks cimport Task
from tulipa._core.timers cimport TimerHandle

cdef str _CREATED
cdef str _ENTERED
cdef str _EXPIRING
cdef str _EXPIRED
cdef str _EXITED
cdef object _get_running_loop
cdef object current_task
cdef object get_running_loop
cdef object PASSED


cdef class Timeout:
    cdef str _state
    cdef object _timeout_handler
    cdef readonly object _task
    cdef object _when
    cdef readonly object _delay
    cdef readonly Py_ssize_t _cancelling
    cdef bint _tried
    cdef dict __dict__
    cdef object __weakref__

    cdef int _enter(self) except -1
    cdef int _schedule(self, object loop, object when) except -1
    cdef int _disarm(self) except -1


@cython.final
cdef class Entering:
    cdef Timeout _timeout


@cython.locals(entering=Entering)
cdef Entering _entering(Timeout timeout)
@cython.locals(this=Entering)
cdef int _send(object entering, object value, PyObject **out) except -1
@cython.locals(scheduler=Scheduler)
cdef bint _is_plain(object loop) except -1
cdef double _time_of(object loop) except? -1
cpdef Timeout timeout(object delay)
@cython.locals(made=Timeout)
cpdef Timeout timeout_at(object when)

cdef object _model
