cimport cython
from libc.errno cimport EAGAIN, EINTR, errno

from tulipa._core.contexts cimport PyContext_Enter, PyContext_Exit, current_context
from tulipa._core.ready cimport LoopState
from tulipa._drivers.base cimport Driver
from tulipa._transports.clients cimport Clients
from tulipa._transports.endpoint cimport SocketEndpoint, bare_endpoint
from tulipa._transports.names cimport accept_connection, end_name, name_of
from tulipa._transports.stream cimport accepted_transport

cdef extern from "Python.h":
    object PyErr_SetFromErrno(object kind)


@cython.final
cdef class Acceptor:
    cdef readonly object sock
    cdef object _fileno
    cdef public bint accepting
    cdef readonly Py_ssize_t count
    cdef object _loop
    cdef LoopState _state_of_loop
    cdef Driver _driver
    cdef object _protocol_factory
    cdef object _layer
    cdef Clients _clients
    cdef int _family
    cdef int _proto
    cdef bint _is_plain
    cdef end_name _peer

    @cython.locals(found=bint)
    cpdef accept(self, Py_ssize_t most, object refused)
    cdef bint _accept_socket(self) except -1
    @cython.locals(fd=int)
    cdef bint _accept_bare(self) except -1
    cdef int _welcome_in_context(self, object conn, object extra) except -1
    cdef int _welcome(self, object conn, object extra) except -1
    cdef int _release_number(self, SocketEndpoint endpoint) except -1
    cdef object _peer_name(self)
