cimport cython

from tulipa._core.contexts cimport current_context
from tulipa._core.memory cimport forget_dict
from tulipa._core.ready cimport LoopState
from tulipa._transports.life cimport Layer, Sink, sink_of
from tulipa._transports.buffer cimport WriteBuffer
from tulipa._transports.carrying cimport carry, is_ending
from tulipa._transports.telling cimport report, report_fatal
from tulipa._transports.tls_machine cimport TLSMachine


cdef class TLSLife(Layer):
    cdef readonly object _loop
    cdef LoopState _state_of_loop
    cdef object _context
    cdef object _ssl_context
    cdef readonly TLSMachine _machine
    cdef object _waiter
    cdef object _timer
    cdef double _handshake_timeout
    cdef double _shutdown_timeout
    cdef object _raw
    cdef readonly object _protocol
    cdef Sink _sink
    cdef bint _is_buffered
    cdef bint _made
    cdef bint _closing
    cdef bint _lost
    cdef bint _over
    cdef object _error
    cdef bint _advancing
    cdef bint _eof_told
    cdef bint _paused
    cdef Py_ssize_t _read_high
    cdef Py_ssize_t _read_low
    cdef bint _raw_paused
    cdef WriteBuffer _buffer
    cdef bint _raw_full
    cdef readonly bint _protocol_paused
    cdef bint _settle_asked
    cdef int _ignored_writes
    cdef dict __dict__
    cdef object __weakref__

    cdef bint _is_ending(self) except -1
    cdef int _take_protocol(self, object protocol) except -1
    @cython.locals(output=bytes)
    cdef int _send_output(self) except -1
    cdef int _cancel_timer(self) except -1
    cdef int _wake_waiter(self, object exc) except -1
