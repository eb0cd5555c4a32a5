cimport cython
from cpython.object cimport PyObject

from tulipa._core.contexts cimport enter, held_context, leave, own_context
from tulipa._core.memory cimport as_model, collector_room, copy_of, free_flatly, give_back_spares, keep_spares
from tulipa._core.native cimport call, set_signature
from tulipa._core.ready cimport Link, LoopState

cdef extern from *:
    PyObject **slot_of "tulipa_slot_of"(Handle holder)


cdef class Handle(Link):
    cdef public object _callback
    cdef public tuple _args
    cdef readonly object _loop
    cdef public bint _cancelled
    cdef int _place  # a timer's among the pending ones; here it takes no room
    cdef object _held  # what stands for its context. From here on nothing that `cancel` looks at: one cache line
    cdef tuple _told  # in debug mode: where it was made, and what it would have called
    cdef object __weakref__

    @cython.locals(share="PyObject *", context="PyObject *")
    cdef int _fire(self) except -1
    cdef int _cancel(self) except -1
    cdef int _drop(self) except -1
    cpdef _run(self)


@cython.locals(handle=Handle)
cdef Handle new_handle(object callback, tuple args, object loop, object context)

cdef int tidy_up() except -1

cdef object _model
