cimport cython

from tulipa._core.bytebuffer cimport ByteBuffer, SharedBuffer
from tulipa._core.places cimport Place, is_shared_by_two, stand_alone
from tulipa._core.ready cimport LoopState


cdef class Inflow:
    cdef public object _loop
    cdef ByteBuffer _store
    cdef long long _consumed
    cdef readonly long long _mark
    cdef public bint _eof
    cdef public object _exception
    cdef public object _waiter
    cdef bint _woken
    cdef Py_ssize_t _need
    cdef Place _spare
    cdef public object _transport
    cdef public bint _paused
    cdef bint _is_fed_plainly
    cdef object _limit_given
    cdef Py_ssize_t _cap

    cdef int _set_limit(self, object limit) except -1
    @cython.locals(surplus=Py_ssize_t)
    cdef int _feed(self, object data) except -1
    cdef int _wake(self) except -1
    cdef int _pause_if_full(self) except -1
    cdef int _resume_if_low(self) except -1
    cdef int _resume(self) except -1
    cpdef _read(self, Py_ssize_t size)
    cpdef _read_exactly(self, Py_ssize_t size)
    cpdef _read_until(self, list separators, long long mark, object method)
    cpdef _wait_for_more(self, object method)
    cdef object _new_waiter(self, Py_ssize_t need, object method)
    @cython.locals(spare=Place)
    cdef object _pending_future(self)
    cpdef _stop_waiting(self, object waiter)
    cdef int _begin_to_take(self) except -1
    @cython.locals(count=Py_ssize_t)
    cdef bytes _take_some(self, Py_ssize_t size)
    cdef bytes _take_exactly(self, Py_ssize_t size)
    @cython.locals(count=Py_ssize_t, start=Py_ssize_t, place=Py_ssize_t, end=Py_ssize_t, found=Py_ssize_t,
                   separator=bytes)
    cdef bytes _take_until(self, list separators, long long mark)
    @cython.locals(count=Py_ssize_t, size=Py_ssize_t)
    cpdef _drop_overlong(self, bytes separator, Py_ssize_t consumed)
    cdef bytes _take(self, Py_ssize_t size)
    cdef bytes _take_rest(self)


cdef bint _is_pending(object waiter) except -1
