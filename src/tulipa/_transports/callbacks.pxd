cimport cython

from tulipa._core.futures cimport Future
from tulipa._core.handles cimport Handle
from tulipa._core.ready cimport ReadyQueue
from tulipa._core.scheduler cimport Scheduler
from tulipa._drivers.base cimport READ, WRITE, Driver, Watcher, announce


@cython.final
cdef class CallbackWatcher(Watcher):
    cdef Driver _driver
    cdef ReadyQueue _ready
    cdef object _sock
    cdef Handle _reader
    cdef Handle _writer
    cdef list _reading
    cdef list _writing

    cdef _put(self, int interest, Handle handle)
    cdef _register_anew(self, object sock)
    cdef int _tell(self, Handle handle, list waiting) except -1
    cdef int _wanted(self) except -1
    cdef int _watch_if_open(self, int interest) except -1
    cdef int _wake_everybody(self) except -1
    cpdef narrow(self)
    @cython.locals(ours=Scheduler)
    cpdef expect(self, object loop, object sock, int interest)


cdef bint _woken(object waiter) except -1
@cython.locals(ours=Scheduler, known=Watcher)
cpdef Watcher watcher_for(object loop, int fd)
