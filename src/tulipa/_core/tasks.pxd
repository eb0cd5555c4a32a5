cimport cython
from cpython.object cimport PyObject

from tulipa._core.contexts cimport enter, held_context, leave, own_context
from tulipa._core.futures cimport Future
from tulipa._core.memory cimport as_model, collector_room, copy_of, free_flatly, keep_spares
from tulipa._core.native cimport call_function, call_quickly, is_coroutine, set_signature
from tulipa._core.resuming cimport PYGEN_NEXT, PYGEN_RETURN
from tulipa._core.ready cimport LoopState
from tulipa._core.world cimport (
    end_on_ours, enter_on_ours, enter_task, leave_task, register_elsewhere, swap_task, unregister_elsewhere
)

cdef extern from *:
    """
    /* What follows gives references of its own: they are taken over, not counted again. */
    static CYTHON_INLINE PyObject *tulipa_own_reference(PyObject *object) { return object; }

    static CYTHON_INLINE int tulipa_resume(PyObject *coro, PyObject **out) {
        return (int)PyIter_Send(coro, Py_None, out);
    }
    static PyObject *tulipa_take_exception(void) {
    #if PY_VERSION_HEX >= 0x030C0000
        return PyErr_GetRaisedException();
    #else
        PyObject *kind, *value, *traceback;
        PyErr_Fetch(&kind, &value, &traceback);
        PyErr_NormalizeException(&kind, &value, &traceback);
        if (traceback != NULL) PyException_SetTraceback(value, traceback);
        Py_XDECREF(kind);
        Py_XDECREF(traceback);
        return value;
    #endif
    }
    """
    PyObject **slot_of "tulipa_slot_of"(Task holder)
    object own_reference "tulipa_own_reference"(PyObject *object)
    int resume "tulipa_resume"(object coro, PyObject **out)
    PyObject *take_exception "tulipa_take_exception"()

ctypedef PyObject *reference

cdef unsigned long long _tasks_made


cdef class Task(Future):
    cdef readonly object _coro
    cdef object _held  # of contexts.py: what stands for its context
    cdef object _name
    cdef unsigned long long _number
    cdef public bint _must_cancel
    cdef readonly object _fut_waiter
    cdef Py_ssize_t _cancel_requests
    cdef object _to_throw
    cdef Task _before
    cdef Task _after
    cdef public bint _log_destroy_pending

    @cython.locals(state=LoopState)
    cdef int _start(self, object coro, object name, object context, bint eager_start) except -1
    @cython.locals(state=LoopState)
    cdef int _become_ready(self) except -1
    @cython.locals(task=Task, mark=Task, steps=Py_ssize_t, next_mark=Py_ssize_t)
    cdef Task _request_cancellation(self)
    @cython.locals(share="PyObject *", context="PyObject *")
    cdef int _fire(self) except -1
    @cython.locals(state=LoopState)
    cdef int _step(self, object failure) except -1
    @cython.locals(value=reference, outcome=int)
    cdef int _resume(self, object failure) except -1
    cdef int _raised(self, object exc) except -1
    @cython.locals(future=Future)
    cdef int _wait_for(self, object yielded) except -1
    cdef _wait_for_foreign(self, object yielded)
    cdef _refuse(self, object yielded)
    @cython.locals(state=LoopState, resumed=bint)
    cdef int _start_eagerly(self) except -1
    @cython.locals(share="PyObject *", context="PyObject *")
    cdef int _resume_in_context(self) except -1
    @cython.locals(state=LoopState, after=Task)
    cdef int _enter_loop(self) except -1
    @cython.locals(state=LoopState)
    cdef int _leave(self) except -1
    @cython.locals(before=Task, after=Task)
    cdef int _leave_loop(self, LoopState state) except -1
    cdef int _end_with_result(self, object value) except -1
    cdef int _end_with_exception(self, object exc) except -1
    cdef int _end_cancelled(self, object msg) except -1


@cython.locals(task=Task)
cdef Task new_task(object coro, LoopState loop, object name, object context, bint eager_start)

cdef object _model

cdef object _running_loop
cdef object _create_usual_task(object nobody, object coro, object name, object context)

@cython.locals(task=Task)
cdef list tasks_of(LoopState state)

@cython.locals(task=Task)
cdef int forget_tasks(LoopState state) except -1
