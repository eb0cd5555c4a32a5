cimport cython
from cpython.object cimport PyObject
from libc.errno cimport EAGAIN, EINTR, errno

from tulipa._core.native cimport new_reference
from tulipa._transports.addresses cimport AF_INET, AF_INET6, AF_UNIX, any_address, address_of, memset, pack_address
from tulipa._transports.endpoint cimport Endpoint, iovec

cdef extern from "Python.h":
    object PyErr_SetFromErrno(object kind)
    object PyBytes_FromStringAndSize(const char *data, Py_ssize_t size)
    char *PyBytes_AS_STRING(object data)
    Py_ssize_t PyBytes_GET_SIZE(object data)
    void Py_DECREF(PyObject *value)

cdef extern from *:
    """
    #include <sys/socket.h>
    #ifndef MSG_NOSIGNAL
    #define MSG_NOSIGNAL 0
    #endif
    #ifdef __linux__
    #define TULIPA_BATCHES 1
    typedef struct mmsghdr tulipa_message;
    /* One alone goes by the call for one, which is less work for the kernel than a batch of one. */
    static int tulipa_receive_messages(int fd, tulipa_message *messages, unsigned int count) {
        struct msghdr *header = &messages->msg_hdr;
        ssize_t size;
        if (count > 1)
            return recvmmsg(fd, messages, count, MSG_DONTWAIT, NULL);
        size = recvfrom(fd, header->msg_iov->iov_base, header->msg_iov->iov_len, MSG_DONTWAIT, header->msg_name,
                        &header->msg_namelen);
        messages->msg_len = (unsigned int)size;
        return size < 0 ? -1 : 1;
    }
    static int tulipa_send_messages(int fd, tulipa_message *messages, unsigned int count) {
        struct msghdr *header = &messages->msg_hdr;
        if (count > 1)
            return sendmmsg(fd, messages, count, MSG_DONTWAIT | MSG_NOSIGNAL);
        return sendto(fd, header->msg_iov->iov_base, header->msg_iov->iov_len, MSG_DONTWAIT | MSG_NOSIGNAL,
                      header->msg_name, header->msg_namelen) < 0 ? -1 : 1;
    }
    #else
    #define TULIPA_BATCHES 0
    typedef struct { struct msghdr msg_hdr; unsigned int msg_len; } tulipa_message;
    #define tulipa_receive_messages(fd, messages, count) (-1)
    #define tulipa_send_messages(fd, messages, count) (-1)
    #endif
    """
    ctypedef struct msghdr "struct msghdr":
        void *msg_name
        unsigned int msg_namelen
        iovec *msg_iov
        size_t msg_iovlen
    ctypedef struct message "tulipa_message":
        msghdr msg_hdr
        unsigned int msg_len
    bint BATCHES "TULIPA_BATCHES"
    int receive_messages "tulipa_receive_messages"(int fd, message *messages, unsigned int count) nogil
    int send_messages "tulipa_send_messages"(int fd, message *messages, unsigned int count) nogil

cdef enum:
    BATCH = 32
    ALONE = 8  # so many batches of one, and from then on one look in so many is for a batch
    SLOT = 66624  # 64 KiB and a little, so that the slots' first bytes don't compete for the same cache lines
    SLOTS_OF_LARGE = 4

ctypedef message[BATCH] messages_of_batch
ctypedef iovec[BATCH] vectors_of_batch
ctypedef any_address[BATCH] addresses_of_batch
ctypedef PyObject *objects_of_batch[BATCH]

cdef char[BATCH * SLOT] _space


cdef class DatagramEndpoint(Endpoint):
    cpdef list receive_datagrams(self)
    cpdef Py_ssize_t send_datagrams(self, list data, list addresses, Py_ssize_t first, Py_ssize_t end) except -2


cdef class DatagramSocketEndpoint(DatagramEndpoint):
    cdef readonly object _sock
    cdef int _fd
    cdef int _family
    cdef bint _direct
    cdef unsigned int _alone

    @cython.locals(i=Py_ssize_t, step=Py_ssize_t, slots=Py_ssize_t, count=int, received=list,
                   messages=messages_of_batch, vectors=vectors_of_batch, raw=addresses_of_batch,
                   copies=objects_of_batch)
    cpdef list receive_datagrams(self)
    @cython.locals(i=Py_ssize_t, count=Py_ssize_t, size="unsigned int", sent=int, messages=messages_of_batch,
                   vectors=vectors_of_batch, raw=addresses_of_batch)
    cpdef Py_ssize_t send_datagrams(self, list data, list addresses, Py_ssize_t first, Py_ssize_t end) except -2
    cdef Py_ssize_t _send_one(self, object data, object address) except -2


cdef bint _not_now() except -1
