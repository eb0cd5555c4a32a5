cimport cython

from tulipa._transports.life cimport Transport


@cython.locals(data=bytes)
cdef int receive(Transport transport) except -1
cdef bint reads(Transport transport) except -1
cdef int pause(Transport transport) except -1
cdef int resume(Transport transport) except -1
@cython.locals(size=Py_ssize_t)
cdef int _receive_into_protocol(Transport transport) except -1
cdef int _receive_eof(Transport transport) except -1
