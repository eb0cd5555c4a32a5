from tulipa._core.ready cimport Link, ReadyQueue


cpdef enum:
    READ = 1
    WRITE = 2


cdef class Watcher(Link):
    cdef public int _fd
    cdef public int _interest
    cdef public int _happened
    cdef public unsigned int _generation

    cdef int _watch_init(self, int fd) except -1
    cdef int _take_happened(self) except -1


cdef class Driver:
    cpdef double time(self) except? -1
    cpdef wait(self, double timeout, ReadyQueue ready)
    cpdef wake(self)
    cpdef watch(self, Watcher watcher, int interest)
    cpdef forget(self, Watcher watcher)
    cpdef close(self)
    cpdef int wake_descriptor(self) except -2
    cpdef after_fork(self)
    cpdef Watcher watcher_of(self, int fd)
    cpdef Py_ssize_t watcher_count(self) except -1


cpdef int announce(Watcher watcher, int events, ReadyQueue ready) except -1
