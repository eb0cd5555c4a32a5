cimport cython

from cpython.object cimport PyObject

from tulipa._core.handles cimport new_handle
from tulipa._core.contexts cimport enter, held_context, leave, own_context
from tulipa._core.memory cimport forget_dict
from tulipa._core.ready cimport Link, LoopState
from tulipa._drivers.base cimport READ, WRITE, Driver, Watcher, announce
from tulipa._transports.endpoint cimport Endpoint
from tulipa._transports.telling cimport report_fatal, tell_made

cdef extern from *:
    PyObject **slot_of "tulipa_slot_of"(Transport holder)


cdef enum:
    STARTS = 4
    ENDS = 8


cdef class Transport


cdef class Sink(Link):
    cdef bint _takes_directly(self) except -1
    cdef int _take_data(self, bytes data) except -1


cdef class Layer(Sink):
    cdef bint _takes_directly(self) except -1
    cdef int _carry(self, bytes data) except -1
    cdef bint _is_ending(self) except -1


cdef class Roster:
    cdef int _enter(self, Transport transport) except -1
    cdef int _strike(self, Transport transport) except -1


cdef Sink sink_of(object protocol)


cdef class Transport(Watcher):
    cdef readonly object _loop
    cdef LoopState _state_of_loop
    cdef Driver _driver
    cdef readonly Endpoint _endpoint
    cdef object _held  # of contexts.py: what stands for its context
    cdef Roster _roster
    cdef public dict _extra
    cdef readonly object _protocol
    cdef Sink _sink
    cdef PyObject *_before
    cdef PyObject *_after
    cdef bint _is_buffered
    cdef bint _made
    cdef bint _paused
    cdef bint _eof_read
    cdef bint _blocked
    cdef bint _closing
    cdef bint _lost
    cdef bint _over
    cdef dict __dict__
    cdef object __weakref__

    cdef int _prepare(self, object loop, Endpoint endpoint, int fd, object protocol, Roster roster) except -1
    cdef int _take_protocol(self, object protocol) except -1
    @cython.locals(due=int, share="PyObject *", context="PyObject *")
    cdef int _fire(self) except -1
    @cython.locals(share="PyObject *", context="PyObject *")
    cdef int _settle(self) except -1
    cdef str _describe_state(self)
    cdef int _begin(self, object waiter) except -1
    cdef int _conclude(self, object exc) except -1
    @cython.locals(interest=int)
    cdef int _update_interest(self) except -1
    cdef bint _wants_to_write(self) except -1
    cdef int _on_unwatchable(self, object exc) except -1
    cdef int _on_ready(self, int happened) except -1
    cdef int _on_settle(self) except -1
    cdef int _forget_unsent(self) except -1
    cdef dict _describe(self)
    cdef int _describe_socket(self) except -1
    @cython.locals(state=LoopState, by_handle=bint)
    cdef int _soon(self, int due, object argument) except -1
    cdef int _on_due(self, int due) except -1
    cdef int _lose(self, object exc) except -1
    cdef int _release(self) except -1
