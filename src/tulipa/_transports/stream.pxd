cimport cython

from tulipa._core.memory cimport as_model, copy_of, free_flatly
from tulipa._transports.life cimport STARTS, Roster
from tulipa._transports.endpoint cimport SocketEndpoint
from tulipa._transports.names cimport end_name, name_of, note_names, send_without_delay
from tulipa._transports.reading cimport pause, reads, receive, resume
from tulipa._transports.writing cimport WritingTransport


cdef class StreamTransport(WritingTransport):
    cdef object _room_waiter
    cdef end_name _own_name
    cdef end_name _peer_name

    cdef int _open(self, object loop, SocketEndpoint endpoint, object protocol, object waiter, object extra,
                   Roster roster) except -1
    cdef bint _note_names(self, object extra) except -1
    cdef dict _describe(self)
    cdef int _describe_socket(self) except -1
    cdef int _on_readable(self) except -1
    cdef int _finish(self) except -1
    cdef bint _wants_to_write(self) except -1
    cdef int _on_writable(self) except -1
    cdef int _lose(self, object exc) except -1
    cdef int _tell_room(self, object exc) except -1


@cython.locals(transport=StreamTransport)
cdef StreamTransport accepted_transport(object loop, SocketEndpoint endpoint, object protocol, Roster roster,
                                        end_name *peer_name)
