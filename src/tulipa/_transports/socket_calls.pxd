cimport cython
from cpython.buffer cimport PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.errno cimport EAGAIN, EINTR, errno

from tulipa._core.native cimport call_method
from tulipa._core.ready cimport LoopState
from tulipa._transports.endpoint cimport (
    MSG_NOSIGNAL,
    RECEIVE_LIMIT_C,
    PyBytes_AS_STRING,
    PyBytes_GET_SIZE,
    PyErr_SetFromErrno,
    recv,
)
from tulipa._transports.reuse cimport bytes_of

cdef extern from "Python.h":
    long PyLong_AsLongAndOverflow(object number, int *beyond) except? -1

cdef extern from "<sys/socket.h>" nogil:
    int MSG_DONTWAIT
    Py_ssize_t send_bytes "send"(int fd, const void *data, size_t size, int flags)

cdef char[RECEIVE_LIMIT_C] _shared
cdef object _Socket
cdef object _fileno

cdef int number_of(object sock) except? -1
cpdef object check_socket(LoopState loop, object sock)
@cython.locals(beyond=int, limit=long, taken=Py_ssize_t)
cpdef object receive(LoopState loop, object sock, object size)
@cython.locals(taken=Py_ssize_t, view=Py_buffer)
cpdef Py_ssize_t receive_into(object sock, object buffer) except -2
@cython.locals(taken=Py_ssize_t)
cpdef Py_ssize_t send(object sock, object data) except -2
@cython.locals(taken=Py_ssize_t)
cpdef object send_all(LoopState loop, object sock, object data)
