cimport cython

from tulipa._drivers.base cimport READ, WRITE
from tulipa._transports.buffer cimport WriteBuffer, new_write_buffer
from tulipa._transports.gathering cimport GatheringTransport
from tulipa._transports.telling cimport warn_unsent


cdef class WritingTransport(GatheringTransport):
    cdef WriteBuffer _buffer
    cdef bint _eof_asked
    cdef bint _eof_sent
    cdef bint _sending_file

    cdef int _prepare_writing(self) except -1
    cdef int _on_readable(self) except -1
    cdef int _on_writable(self) except -1
    cdef int _refuse_write(self) except -1
    cdef int _carry(self, bytes data) except -1
    cdef bint _accepts(self, Py_ssize_t size) except -1
    cdef int _take_memory(self, object data) except -1
    @cython.locals(taken=Py_ssize_t)
    cdef int _offer_large(self, object data) except -1
    cdef int _flush(self) except -1
    cdef int _after_all_sent(self) except -1
    cdef int _finish(self) except -1
