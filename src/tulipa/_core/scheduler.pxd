cimport cython

from tulipa._core.futures cimport Future, new_future
from tulipa._core.handles cimport Handle, new_handle, tidy_up
from tulipa._core.native cimport call_quickly, identity_hash
from tulipa._core.ready cimport Link, LoopState, ReadyQueue
from tulipa._core.tasks cimport Task, forget_tasks, new_task, tasks_of
from tulipa._core.timers cimport TimerHandle, TimerHeap, new_timer
from tulipa._core.world cimport leave_on_ours, register_loop, tell_running, unregister_loop
from tulipa._drivers.base cimport Driver

cdef double _LONGEST_WAIT
cdef int _PATIENCE
cdef int _STRIDE
cdef double _LONGEST_BLINDNESS


cdef class Scheduler(LoopState):
    cdef readonly Driver _driver
    cdef public unsigned long long _thread_id
    cdef public bint _stopping
    cdef bint _waiting
    cdef int _empty_looks
    cdef int _blind_turns
    cdef bint _found_several
    cdef double _last_look
    cdef public bint _timing_replaced
    cdef object _task_factory
    cdef bint _eager
    cdef readonly object _current_handle
    cdef public double slow_callback_duration

    @cython.locals(timers=TimerHeap, timer=TimerHandle)
    cdef TimerHandle _add_timer(self, double when, object callback, tuple args, object context, object method)
    cdef _create_task(self, object coro, object name, object context, object eager_start, dict kwargs)
    cdef _make_by_factory(self, object coro, object name, object context, object eager_start, dict kwargs)
    @cython.final
    cdef int _check_callback(self, object callback, object method) except -1
    cdef int _check_thread(self) except -1
    @cython.locals(timers=TimerHeap)
    cdef int _run_once(self) except -1
    cdef bint _must_look(self) except -1
    @cython.locals(before=Py_ssize_t, timeout=double)
    cdef int _look(self) except -1
    @cython.locals(timers=TimerHeap)
    cdef double _time_to_wait(self) except? -2
    @cython.locals(timers=TimerHeap, now=double, timer=TimerHandle)
    cdef int _collect_due(self) except -1
    @cython.locals(ready=ReadyQueue, left=Py_ssize_t, link=Link)
    cdef int _run_ready(self) except -1
    @cython.locals(started=double, took=double)
    cdef int _fire_watched(self, Link link) except -1
    @cython.locals(settling=list, settled=Py_ssize_t)
    cdef int _settle_all(self) except -1


cdef object _create_usual_task(object loop, object coro, object name, object context)
