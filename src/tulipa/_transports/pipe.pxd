from tulipa._drivers.base cimport READ
from tulipa._transports.life cimport Transport
from tulipa._transports.reading cimport pause, reads, receive, resume
from tulipa._transports.telling cimport report
from tulipa._transports.writing cimport WritingTransport


cdef class ReadPipeTransport(Transport):
    cdef bint _read_asked


cdef class WritePipeTransport(WritingTransport):
    pass
