cimport cython
from libc.errno cimport EEXIST, EINTR, ENOENT, errno

from tulipa._core.ready cimport ReadyQueue
from tulipa._drivers.base cimport READ, WRITE, Driver, Watcher, announce

cdef extern from "Python.h":
    int PyErr_CheckSignals() except -1
    object PyErr_SetFromErrno(object kind)

cdef extern from "<time.h>" nogil:
    ctypedef struct timespec "struct timespec":
        long tv_sec
        long tv_nsec
    int CLOCK_MONOTONIC
    int clock_gettime(int clock, timespec *now)

cdef extern from "<sys/epoll.h>" nogil:
    ctypedef union epoll_data_t:
        unsigned long long u64
    ctypedef struct epoll_event "struct epoll_event":
        unsigned int events
        epoll_data_t data
    unsigned int EPOLLIN
    unsigned int EPOLLOUT
    int EPOLL_CTL_ADD
    int EPOLL_CTL_DEL
    int EPOLL_CTL_MOD
    int epoll_ctl(int epoll, int operation, int fd, epoll_event *event)
    int epoll_wait(int epoll, epoll_event *events, int size, int milliseconds)

cdef extern from "<unistd.h>" nogil:
    Py_ssize_t read(int fd, void *buffer, size_t size)
    Py_ssize_t write(int fd, const void *data, size_t size)

cdef extern from *:
    """
    #define tulipa_errno_set(value) (errno = (value))
    """
    void errno_set "tulipa_errno_set"(int value)

ctypedef unsigned int uint
ctypedef unsigned long long ulonglong

cdef enum:
    MAX_EVENTS = 512
    WAKES_AT_ONCE = 64

ctypedef char[WAKES_AT_ONCE] wakes


cdef class EpollDriver(Driver):
    cdef object _poll
    cdef int _epoll_fd
    cdef int _wake_in
    cdef int _wake_out
    cdef int _wakers
    cdef tuple _late
    cdef bint _shared
    cdef list _table
    cdef unsigned int _generation
    cdef Py_ssize_t _count
    cdef epoll_event _events[MAX_EVENTS]

    cdef int _open(self) except -1
    cdef int _open_again(self) except -1
    cdef int _let_go(self) except -1
    cdef int _close_pipe(self, tuple pipe) except -1
    @cython.locals(now=timespec)
    cpdef double time(self) except? -1
    @cython.locals(number=int)
    cpdef wake(self)
    @cython.locals(some=wakes)
    cdef int _drain(self) except -1
    @cython.locals(known=bint)
    cpdef watch(self, Watcher watcher, int interest)
    @cython.locals(table=list, missing=Py_ssize_t)
    cdef int _enter(self, Watcher watcher) except -1
    @cython.locals(events=uint)
    cdef int _control(self, Watcher watcher, int interest, bint known) except -1
    @cython.locals(operation=int, event=epoll_event)
    cdef int _control_directly(self, Watcher watcher, unsigned int events, bint known) except -1
    @cython.locals(count=int, error=int, i=int, fd=int, tag=ulonglong)
    cdef int _wait_directly(self, int milliseconds, ReadyQueue ready) except -1
    @cython.locals(table=list, watcher=Watcher, happened=int)
    cdef int _dispatch(self, int fd, unsigned int events, unsigned int generation, ReadyQueue ready) except -1


cdef double _LONGEST_WAIT

@cython.locals(exact=double, whole=int)
cdef int _milliseconds(double timeout) except -2
