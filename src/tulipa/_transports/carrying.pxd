from tulipa._transports.life cimport Layer, has_no_attributes
from tulipa._transports.writing cimport WritingTransport

cdef int carry(object transport, bytes data) except -1
cdef bint is_ending(object transport) except -1
