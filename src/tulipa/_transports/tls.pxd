cimport cython

from tulipa._core.contexts cimport PyContext_Enter, PyContext_Exit
from tulipa._transports.life cimport Layer
from tulipa._transports.buffer cimport WriteBuffer
from tulipa._transports.telling cimport tell_made, tell_writing, warn_ignored, warn_unsent
from tulipa._transports.tls_life cimport TLSLife
from tulipa._transports.tls_machine cimport (
    CONNECTED, DATA, ENDED, HANDSHAKE, NEED_DATA, OPEN, PEER_DONE, TLSMachine
)

cdef Py_ssize_t _RAW_HIGH
cdef Py_ssize_t _WORTH_NO_COPY


cdef class TLSTransport(TLSLife):
    @cython.locals(size=Py_ssize_t)
    cdef int _update_raw_reading(self) except -1
    cdef int _take_data(self, bytes data) except -1
    cpdef _advance(self)
    @cython.locals(machine=TLSMachine, event=int)
    cdef bint _take_step(self) except -1
    cdef int _connected(self) except -1
    cdef int _give(self, bytes data) except -1
    @cython.locals(event=int)
    cdef bint _read_into_protocol(self) except -1
    cdef int _peer_ended(self) except -1
    cdef int _shut_down(self) except -1
    cdef int _close_raw(self) except -1
    @cython.locals(taken=Py_ssize_t)
    cdef int _carry(self, bytes data) except -1
    cdef bint _accepts(self, Py_ssize_t size) except -1
    cdef int _take_memory(self, object data) except -1
    @cython.locals(state=int)
    cdef bint _may_send(self) except -1
    cdef int _after_append(self) except -1
    cdef int _settle(self) except -1
    cdef int _on_settle(self) except -1
    @cython.locals(buffer=WriteBuffer, before=Py_ssize_t)
    cdef int _flush(self) except -1
    cdef Py_ssize_t _write_size(self) except -1
    cdef int _update_protocol_writing(self) except -1
    cdef int _tell_protocol(self, bint paused) except -1
