cimport cython

from tulipa._core.number_set cimport NumberSet


cdef class Link:
    cdef Link _next

    cdef int _fire(self) except -1
    cdef int _fire_failed(self, object exc) except -1
    cdef int _settle(self) except -1


@cython.final
cdef class ReadyQueue:
    cdef Link _head
    cdef Link _tail
    cdef readonly Py_ssize_t count
    cdef object _posted
    cdef bint _has_posted

    cpdef int push(self, Link link) except -1
    cdef int push_first(self, Link link) except -1
    cdef Link pop(self)
    cpdef int post(self, Link link) except -1
    cpdef bint has_work(self)
    cdef int collect_posted(self) except -1
    cdef int clear(self) except -1
    cdef int _append(self, Link link) except -1


cdef class LoopState:
    cdef readonly ReadyQueue _ready
    cdef readonly object _timers
    cdef public bint _debug
    cdef public bint _closed
    cdef public bint _call_soon_replaced
    cdef bint _in_turn
    cdef Link _entered
    cdef bint _listed
    cdef Link _told
    cdef bint _hash_replaced
    cdef list _settling
    cdef Link _first_task
    cdef Py_ssize_t _task_count
    cdef readonly NumberSet _transport_fds
    cdef public object _wrap_endpoint
    cdef object __weakref__

    cdef int at_end_of_turn(self, Link link) except -1
