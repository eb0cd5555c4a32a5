cimport cython

from tulipa._core.memory cimport is_untouched
from tulipa._core.native cimport append, popleft
from tulipa._core.places cimport LoopBound, stand_in, wake_next

cdef object deque
cdef object _wait


cdef class BaseQueue(LoopBound):
    cdef public object _maxsize
    cdef public object _getters
    cdef public object _putters
    cdef public Py_ssize_t _unfinished_tasks
    cdef public object _finished
    cdef public object _shut_down
    cdef public bint _is_shutdown
    cdef public bint _plain
    cdef public object _queue

    cpdef object _put_now(self, object item)
    cpdef object _take_now(self)
    cpdef object _stand_for_room(self, bint again)
    cpdef object _stand_for_item(self, bint again)
    cdef bint _put_plainly(self, object item) except -1
    cdef bint _acts_plainly(self) except -1
    cdef object _take_plainly(self)
