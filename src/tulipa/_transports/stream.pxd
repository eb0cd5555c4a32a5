from tulipa._transports.reading cimport pause, reads, receive, resume
from tulipa._transports.writing cimport WritingTransport


cdef class StreamTransport(WritingTransport):
    cdef int _on_readable(self) except -1
    cdef int _finish(self) except -1
