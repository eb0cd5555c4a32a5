from tulipa._core.memory cimport is_untouched
from tulipa._transports.life cimport Layer
from tulipa._transports.writing cimport WritingTransport

cdef int carry(object transport, bytes data) except -1
cdef bint is_ending(object transport) except -1
