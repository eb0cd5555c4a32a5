from tulipa._transports.reading cimport pause, reads, receive, resume
from tulipa._transports.writing cimport WritingTransport


cdef class StreamTransport(WritingTransport):
    cdef object _room_waiter

    cdef int _on_readable(self) except -1
    cdef int _finish(self) except -1
    cdef bint _wants_to_write(self) except -1
    cdef int _on_writable(self) except -1
    cdef int _lose(self, object exc) except -1
    cdef int _tell_room(self, object exc) except -1
