cimport cython

from tulipa._core.handles cimport Handle
from tulipa._core.native cimport as_model, copy_of, current_context, set_signature


cdef class TimerHandle(Handle):
    cdef readonly double _when
    cdef TimerHeap _heap
    cdef Py_ssize_t _place
    cdef unsigned long long _serial


@cython.final
cdef class TimerHeap:
    cdef list _items
    cdef unsigned long long _arrivals

    cdef Py_ssize_t count(self)
    cdef double first_when(self)
    cdef int push(self, TimerHandle timer) except -1
    @cython.locals(timer=TimerHandle)
    cdef TimerHandle pop_due(self, double now)
    @cython.locals(last=TimerHandle, place=Py_ssize_t)
    cdef int remove(self, TimerHandle timer) except -1
    cdef int clear(self) except -1
    @cython.locals(items=list, above=Py_ssize_t, parent=TimerHandle)
    cdef int _rise(self, TimerHandle timer, Py_ssize_t place) except -1
    @cython.locals(items=list, size=Py_ssize_t, below=Py_ssize_t, child=TimerHandle, other=TimerHandle)
    cdef int _sink(self, TimerHandle timer, Py_ssize_t place) except -1


cdef bint _before(TimerHandle a, TimerHandle b)


@cython.locals(timer=TimerHandle)
cdef TimerHandle new_timer(double when, object callback, tuple args, object loop, object context)

cdef object _model
