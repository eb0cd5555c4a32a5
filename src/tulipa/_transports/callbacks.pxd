cimport cython

from tulipa._core.handles cimport Handle
from tulipa._core.memory cimport as_model, copy_of, free_flatly
from tulipa._core.places cimport Place, is_shared_by_two, send_place
from tulipa._core.ready cimport ReadyQueue
from tulipa._core.resuming cimport set_send
from tulipa._core.scheduler cimport Scheduler
from tulipa._drivers.base cimport READ, WRITE, Driver, Watcher, announce
from tulipa._transports.socket_calls cimport number_of


@cython.final
cdef class Expectation(Place):
    cdef CallbackWatcher _watcher


cdef object _model


@cython.final
cdef class CallbackWatcher(Watcher):
    cdef Driver _driver
    cdef ReadyQueue _ready
    cdef object _sock
    cdef Handle _reader
    cdef Handle _writer
    cdef list _reading
    cdef list _writing
    cdef Expectation _spare

    cdef _put(self, int interest, Handle handle)
    cdef _register_anew(self, object sock)
    cdef int _tell(self, Handle handle, list waiting) except -1
    cdef int _wanted(self) except -1
    cdef int _watch_if_open(self, int interest) except -1
    cdef int _wake_everybody(self) except -1
    cpdef narrow(self)
    cdef give_up(self, Expectation waiter)
    @cython.locals(waiter=Expectation)
    cdef Expectation expect(self, Scheduler loop, object sock, int interest)
    @cython.locals(waiter=Expectation)
    cdef Expectation _new_waiter(self, Scheduler loop)


cdef bint _woken(Expectation waiter) except -1
@cython.locals(ours=Scheduler, known=Watcher)
cpdef Watcher watcher_for(object loop, int fd)
@cython.locals(watcher=CallbackWatcher)
cpdef Expectation until_ready(object loop, object sock, int interest)
