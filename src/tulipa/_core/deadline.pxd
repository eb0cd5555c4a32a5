from tulipa._core.native cimport set_signature
from tulipa._core.ready cimport LoopState

cdef str _CREATED
cdef str _ENTERED
cdef str _EXPIRING
cdef str _EXPIRED
cdef str _EXITED
cdef object _get_running_loop
cdef object current_task
cdef object get_running_loop
cdef object PASSED


cdef class Deadline:
    cdef str _state
    cdef object _timeout_handler
    cdef readonly object _task
    cdef object _when
    cdef public object _delay
    cdef readonly object _cancelling
    cdef bint _patient

    cpdef _enter(self)
    cdef _schedule(self, object loop, object when)
