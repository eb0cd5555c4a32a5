cimport cython

from tulipa._drivers.base cimport READ, WRITE
from tulipa._transports.buffer cimport DatagramQueue
from tulipa._transports.datagram_endpoint cimport DatagramEndpoint
from tulipa._transports.gathering cimport GatheringTransport
from tulipa._transports.reading cimport pause, reads, resume
from tulipa._transports.telling cimport report, warn_unsent


cdef class DatagramTransport(GatheringTransport):
    cdef DatagramEndpoint _datagrams
    cdef DatagramQueue _queue
    cdef object _address
    cdef bint _connected
    cdef bint _peer_only
    cdef list _received
    cdef Py_ssize_t _delivered
    cdef bint _flushing
    cdef int _family
    cdef object _room

    cdef bint _wants_to_write(self) except -1
    @cython.locals(before=Py_ssize_t)
    cdef int _on_ready(self, int happened) except -1
    cdef int _receive(self) except -1
    @cython.locals(received=list, pair=tuple)
    cdef int _deliver(self) except -1
    cdef int _deliver_some(self) except -1
    cdef int _after_append(self) except -1
    cdef int _flush(self) except -1
    @cython.locals(left=Py_ssize_t, taken=Py_ssize_t)
    cdef bint _offer_all(self) except -1
    cdef int _after_flush(self, bint refused) except -1
    cdef int _tell_error(self, object exc) except -1
    cdef int _wait_for_room(self) except -1
    cdef int _end_waiting_for_room(self) except -1
