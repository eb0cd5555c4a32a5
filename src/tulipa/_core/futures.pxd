cimport cython
from cpython.object cimport PyObject

from tulipa._core.contexts cimport enter, held_context, leave, own_context
from tulipa._core.handles cimport new_handle
from tulipa._core.memory cimport as_model, collector_room, copy_of, free_flatly, keep_spares
from tulipa._core.native cimport new_reference, set_signature
from tulipa._core.resuming cimport PYGEN_NEXT, PYGEN_RETURN, set_send
from tulipa._core.ready cimport Link, LoopState
from tulipa._core.world cimport current_loop

cdef extern from *:
    PyObject **slot_of "tulipa_slot_of"(DoneCallback holder)


cdef class Future(Link):
    cdef readonly object _loop
    cdef LoopState _state_of_loop
    cdef bint _done
    cdef bint _cancelled
    cdef readonly object _result
    cdef readonly object _exception
    cdef object _traceback
    cdef public object _cancel_message
    cdef public object _cancelled_exc
    cdef Link _first
    cdef list _more
    cdef bint _log_tb
    cdef public bint _asyncio_future_blocking
    cdef readonly object _source_traceback
    cdef dict __dict__
    cdef object __weakref__

    cdef int _prepare(self, object loop) except -1
    cdef int _tell_of_exception(self) except -1
    cdef bint _is_plain(self) except -1
    cdef object _take_result(self)
    cdef object _failure(self)
    cdef int _check_made(self) except -1
    cdef int _check_pending(self) except -1
    cdef bint _cancel(self, object msg) except -1
    cdef int _finish(self, object result) except -1
    cdef bint _renew(self) except -1
    @cython.final
    cdef int _live_in(self, LoopState loop) except -1
    cdef int _fail(self, object exception) except -1
    cdef list _entries(self)
    @cython.locals(more=list)
    cdef int _add_entry(self, Link entry) except -1
    @cython.locals(more=list, index=Py_ssize_t)
    cdef int _take_out(self, Link entry) except -1
    @cython.locals(more=list)
    cdef int _schedule_callbacks(self) except -1
    @cython.locals(state=LoopState, callback=DoneCallback)
    cdef int _schedule(self, Link entry) except -1


cdef class DoneCallback(Link):
    cdef readonly object _wakeup
    cdef object _held
    cdef Future _future

    @cython.locals(share="PyObject *", context="PyObject *")
    cdef int _fire(self) except -1


@cython.locals(callback=DoneCallback)
cdef DoneCallback _new_callback(object function, object held)

cdef bint _is_same(object callback, object fn) except -1

cdef object _model_callback


@cython.final
cdef class FutureIter:
    cdef Future _future
    cdef bint _yielded

    @cython.locals(future=Future)
    cdef bint _must_wait(self) except -1
    @cython.locals(future=Future)
    cdef object _end(self)


@cython.locals(waiting=FutureIter)
cdef int _send(object iterator, object value, PyObject **out) except -1

@cython.locals(iterator=FutureIter)
cdef FutureIter _iterate(Future future)

@cython.locals(future=Future)
cdef Future new_future(LoopState loop)

cdef object _model

cdef extern from *:
    """
    #define tulipa_is_bare(future) ((future)->__weakref__ == NULL && tulipa_is_untouched((PyObject *)(future)))
    """
    bint is_bare "tulipa_is_bare"(Future future)
