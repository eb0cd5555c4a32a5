cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.object cimport PyObject
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from tulipa._transports.tls_engine cimport TLSEngine

cdef extern from "Python.h":
    PyObject *new_bytes "PyBytes_FromStringAndSize"(const char *data, Py_ssize_t size) except NULL
    int resize_bytes "_PyBytes_Resize"(PyObject **data, Py_ssize_t size) except -1
    char *bytes_memory "PyBytes_AS_STRING"(PyObject *data)
    char *PyBytes_AS_STRING(object data)
    Py_ssize_t PyBytes_GET_SIZE(object data)
    void release "Py_XDECREF"(PyObject *object)

cdef extern from "<dlfcn.h>" nogil:
    int RTLD_NOW
    int RTLD_NOLOAD
    void *dlopen(const char *path, int flags)
    void *dlsym(void *library, const char *name)

cdef extern from *:
    """
    /* The first pointers behind the object's header: where _ssl's objects have what they wrap. */
    #define tulipa_wrapped(object, index) (((void **)((PyObject *)(object) + 1))[index])
    /* Hands the only reference over to Cython. */
    static PyObject *tulipa_handed_over(PyObject *object) { return object; }
    """
    void *wrapped "tulipa_wrapped"(object object, int index)
    object handed_over "tulipa_handed_over"(PyObject *object)

cdef enum:
    SEND_LIMIT = 262144
    RECORD = 16384
    RECORD_COST = 128
    ERROR_SSL = 1
    ERROR_WANT_READ = 2
    ERROR_ZERO_RETURN = 6
    RETRY_READ = 0x09
    ALL_RETRY_FLAGS = 0x0F
    SOURCE_SINK = 0x0400
    FLUSH = 11
    COMMON_REASON = 1 << 19
    SET_MODE = 33
    CLEAR_MODE = 78
    RELEASE_BUFFERS = 0x10
    SEATS = 64
    BUSY = 32

ctypedef int (*bio_reader)(void *bio, char *data, int size) noexcept nogil
ctypedef int (*bio_writer)(void *bio, const char *data, int size) noexcept nogil
ctypedef long (*bio_controller)(void *bio, int command, long number, void *pointer) noexcept nogil

ctypedef struct Library:
    unsigned long (*OpenSSL_version_num)() noexcept nogil
    int (*SSL_do_handshake)(void *ssl) noexcept nogil
    int (*SSL_read_ex)(void *ssl, void *data, size_t size, size_t *done) noexcept nogil
    int (*SSL_write_ex)(void *ssl, const void *data, size_t size, size_t *done) noexcept nogil
    int (*SSL_get_error)(const void *ssl, int result) noexcept nogil
    int (*SSL_pending)(const void *ssl) noexcept nogil
    int (*SSL_shutdown)(void *ssl) noexcept nogil
    long (*SSL_ctrl)(void *ssl, int command, long number, void *pointer) noexcept nogil
    int (*SSL_free_buffers)(void *ssl) noexcept nogil
    void *(*SSL_get_rbio)(const void *ssl) noexcept nogil
    void *(*SSL_get_wbio)(const void *ssl) noexcept nogil
    void (*SSL_set_bio)(void *ssl, void *reading, void *writing) noexcept nogil
    unsigned long (*ERR_peek_error)() noexcept nogil
    unsigned long (*ERR_peek_last_error)() noexcept nogil
    void (*ERR_clear_error)() noexcept nogil
    const char *(*ERR_lib_error_string)(unsigned long code) noexcept nogil
    const char *(*ERR_reason_error_string)(unsigned long code) noexcept nogil
    int (*BIO_get_new_index)() noexcept nogil
    void *(*BIO_meth_new)(int kind, const char *name) noexcept nogil
    int (*BIO_meth_set_read)(void *method, bio_reader function) noexcept nogil
    int (*BIO_meth_set_write)(void *method, bio_writer function) noexcept nogil
    int (*BIO_meth_set_ctrl)(void *method, bio_controller function) noexcept nogil
    void *(*BIO_new)(const void *method) noexcept nogil
    int (*BIO_free)(void *bio) noexcept nogil
    int (*BIO_up_ref)(void *bio) noexcept nogil
    void (*BIO_set_init)(void *bio, int init) noexcept nogil
    void (*BIO_set_data)(void *bio, void *data) noexcept nogil
    void *(*BIO_get_data)(void *bio) noexcept nogil
    void (*BIO_set_flags)(void *bio, int flags) noexcept nogil
    void (*BIO_clear_flags)(void *bio, int flags) noexcept nogil
    size_t (*BIO_ctrl_pending)(void *bio) noexcept nogil

ctypedef struct Channel:
    const char *arrived
    Py_ssize_t left
    char *out
    Py_ssize_t size
    Py_ssize_t room
    char *spill
    Py_ssize_t spilled
    Py_ssize_t spill_room

cdef Library _lib
cdef void *_method
cdef char[RECORD] _record
# The engines that have a seat, without references: each leaves it before it is freed.
ctypedef PyObject *pointer
cdef pointer[SEATS] _seats
cdef int _next_seat


# The BIO looks into _input for as long as the SSL lives: it must not be cleared before this is freed.
@cython.no_gc_clear
cdef class OpenSSLEngine(TLSEngine):
    cdef void *_ssl
    cdef void *_bio
    cdef Channel _channel
    cdef bytes _input
    cdef PyObject *_out
    cdef bytes _kept
    cdef object _wrapper
    cdef int _calls
    cdef int _seat

    @cython.locals(result=int, why=int)
    cpdef bint handshake(self) except -1
    cpdef int feed(self, bytes data) except -1
    cpdef bint has_input(self) except -1
    cpdef Py_ssize_t pending(self) except -1
    cpdef bytes output(self)
    @cython.locals(room=Py_ssize_t, size=Py_ssize_t, data="PyObject *")
    cpdef object receive(self)
    @cython.locals(size=Py_ssize_t, view=Py_buffer)
    cpdef Py_ssize_t receive_into(self, object buffer) except -2
    @cython.locals(taken=Py_ssize_t, view=Py_buffer)
    cpdef Py_ssize_t send(self, object data) except -2
    @cython.locals(taken=Py_ssize_t, total=Py_ssize_t, count=Py_ssize_t, i=Py_ssize_t, piece=bytes)
    cpdef Py_ssize_t send_many(self, list pieces, Py_ssize_t offset) except -2
    @cython.locals(result=int)
    cpdef finish(self)
    cdef bint _is_known(self) except -1
    cdef int _take_over(self) except -1
    @cython.locals(size=Py_ssize_t, count=size_t)
    cdef Py_ssize_t _decrypt(self, char *data, Py_ssize_t room) except -1
    @cython.locals(taken=Py_ssize_t, count=size_t)
    cdef Py_ssize_t _encrypt(self, const char *data, Py_ssize_t size) except -1
    @cython.locals(room=Py_ssize_t)
    cdef int _begin_output(self, Py_ssize_t size) except -1
    @cython.locals(made=bytes)
    cdef int _end_output(self) except -1
    cdef int _count_call(self) except -1
    cdef int _leave_seat(self) except -1
    cdef int _clear_errors(self) except -1
    @cython.locals(why=int)
    cdef object _failure_of(self, int result)


@cython.locals(channel="Channel *", taken=int)
cdef int _bio_read(void *bio, char *data, int size) noexcept nogil
@cython.locals(channel="Channel *", room=Py_ssize_t, more="char *")
cdef int _bio_write(void *bio, const char *data, int size) noexcept nogil
cdef long _bio_control(void *bio, int command, long number, void *pointer) noexcept nogil
@cython.locals(library="void *")
cdef int _load() except -1
@cython.locals(slots="void **", found="void *", i=Py_ssize_t)
cdef int _find_symbols(void *library) except -1
cdef int _make_method() except -1
@cython.locals(found="void *", reading="void *")
cdef int _check_layout() except -1
