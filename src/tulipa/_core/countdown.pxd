cimport cython

from tulipa._core.contexts cimport held_context, own_context
from tulipa._core.futures cimport Future
from tulipa._core.memory cimport as_model, collector_room, copy_of, keep_spares
from tulipa._core.native cimport is_coroutine
from tulipa._core.ready cimport Link, LoopState


@cython.locals(children=list, future_of=dict)
cpdef tuple as_children(tuple awaitables, object ensure_future, object loop_of)


@cython.final
cdef class Countdown:
    cdef readonly object _awaiter
    cdef list _children
    cdef Py_ssize_t _left
    cdef bint _return_exceptions

    @cython.locals(done=list)
    cpdef watch(self, object children)
    cdef _child_is_done(self, object child, bint failed)


@cython.final
cdef class Watch(Link):
    cdef Countdown _countdown
    cdef Future _future


@cython.final
cdef class Member(Link):
    cdef Future _task
    cdef set _members
    cdef object _group
    cdef object _held


cpdef join_members(object task, set members, object group)

@cython.locals(watch=Watch)
cdef Watch _new_watch(Countdown countdown, Future future)

@cython.locals(member=Member)
cdef Member _new_member(Future task, set members, object group)

cdef object _model_watch
cdef object _model_member

@cython.locals(future=Future, state=LoopState)
cdef bint _takes_links(object child) except -1

cdef _result(object child)
cdef _outcome(object future)
