from tulipa._core.ready cimport Link, LoopState

cdef dict _current
cdef bint _shared_dict
cdef set _tasks_elsewhere
cdef object _ask

cdef object current_loop()
cdef int register_elsewhere(object task) except -1
cdef int unregister_elsewhere(object task) except -1
cdef int register_loop(LoopState state) except -1
cdef int unregister_loop(LoopState state) except -1
cdef int enter_task(object loop, object task) except -1
cdef int leave_task(object loop, object task) except -1
cdef int enter_on_ours(LoopState state, Link task) except -1
cdef int end_on_ours(LoopState state) except -1
cdef int leave_on_ours(LoopState state) except -1
cdef int tell_running(LoopState state) except -1
cdef object swap_task(object loop, object task)
