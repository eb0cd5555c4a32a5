cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.errno cimport EAGAIN, ECONNRESET, EINTR, errno

from tulipa._transports.reuse cimport WORTH_NO_COPY, bytes_of, given_back, iovec, lend

cdef extern from "Python.h":
    object PyErr_SetFromErrno(object kind)
    char *PyBytes_AS_STRING(object data)
    Py_ssize_t PyBytes_GET_SIZE(object data)

cdef extern from "<sys/socket.h>" nogil:
    ctypedef struct msghdr "struct msghdr":
        iovec *msg_iov
        size_t msg_iovlen
    int MSG_NOSIGNAL
    int SHUT_WR
    int shutdown(int fd, int how)
    Py_ssize_t recv(int fd, void *buffer, size_t size, int flags)
    Py_ssize_t send "send"(int fd, const void *data, size_t size, int flags)
    Py_ssize_t sendmsg(int fd, const msghdr *message, int flags)

cdef extern from "<unistd.h>" nogil:
    int close_descriptor "close"(int fd)
    Py_ssize_t read_descriptor "read"(int fd, void *buffer, size_t size)
    Py_ssize_t write_descriptor "write"(int fd, const void *data, size_t size)

cdef extern from "<sys/uio.h>" nogil:
    Py_ssize_t readv(int fd, const iovec *vectors, int count)
    Py_ssize_t writev(int fd, const iovec *vectors, int count)

cdef extern from *:
    """
    #ifndef MSG_NOSIGNAL
    #define MSG_NOSIGNAL 0
    #endif
    #define tulipa_message_clear(message) memset((message), 0, sizeof(*(message)))
    """
    void message_clear "tulipa_message_clear"(msghdr *message) nogil

cdef enum:
    RECEIVE_LIMIT_C = 262144
    PIECES_AT_ONCE_C = 64

ctypedef iovec[PIECES_AT_ONCE_C] iovecs
ctypedef iovec[2] iovec_pair

cdef char[RECEIVE_LIMIT_C] _shared


cdef class Endpoint:
    cpdef object receive(self)
    cpdef Py_ssize_t receive_into(self, object buffer) except -2
    cpdef Py_ssize_t send(self, object data) except -2
    cpdef Py_ssize_t send_many(self, list pieces, Py_ssize_t offset) except -2
    cpdef finish(self)
    cpdef close(self)


cdef class SocketEndpoint(Endpoint):
    cdef object _sock
    cdef int _fd
    cdef unsigned char _is_bare  # small, to keep an endpoint at 48 bytes
    cdef unsigned char _large
    cdef int _family
    cdef int _proto

    cpdef object socket(self)

    @cython.locals(size=Py_ssize_t, vectors=iovec_pair)
    cpdef object receive(self)
    @cython.locals(size=Py_ssize_t)
    cdef object _receive_large(self, iovec *vectors)
    @cython.locals(size=Py_ssize_t, view=Py_buffer, failed=bint)
    cpdef Py_ssize_t receive_into(self, object buffer) except -2
    @cython.locals(size=Py_ssize_t, view=Py_buffer, failed=bint)
    cpdef Py_ssize_t send(self, object data) except -2
    @cython.locals(size=Py_ssize_t, message=msghdr, vectors=iovecs)
    cpdef Py_ssize_t send_many(self, list pieces, Py_ssize_t offset) except -2
    @cython.locals(fd=int, failed=bint)
    cpdef close(self)


@cython.locals(endpoint=SocketEndpoint)
cdef SocketEndpoint bare_endpoint(int fd, int family, int proto)


cdef class PipeEndpoint(Endpoint):
    cdef readonly object _pipe
    cdef readonly int _fd
    cdef bint _is_duplicate

    @cython.locals(size=Py_ssize_t)
    cpdef object receive(self)
    @cython.locals(size=Py_ssize_t, view=Py_buffer, failed=bint)
    cpdef Py_ssize_t receive_into(self, object buffer) except -2
    @cython.locals(size=Py_ssize_t, view=Py_buffer, failed=bint)
    cpdef Py_ssize_t send(self, object data) except -2
    @cython.locals(size=Py_ssize_t, vectors=iovecs)
    cpdef Py_ssize_t send_many(self, list pieces, Py_ssize_t offset) except -2


@cython.locals(i=Py_ssize_t, skipped=Py_ssize_t)
cdef int _fill(iovec *vectors, list pieces, Py_ssize_t offset) except -1
cdef bint _not_now() except -1
