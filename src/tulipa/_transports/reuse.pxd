cimport cython

from tulipa._core.memory cimport hide

cdef extern from "<sys/uio.h>" nogil:
    ctypedef struct iovec "struct iovec":
        void *iov_base
        size_t iov_len

cdef extern from "<string.h>" nogil:
    void *memcpy(void *target, const void *source, size_t size)

cdef extern from "Python.h":
    ctypedef struct PyObject
    object PyBytes_FromStringAndSize(const char *data, Py_ssize_t size)
    char *PyBytes_AS_STRING(object data)
    Py_ssize_t PyBytes_GET_SIZE(object data)

cdef extern from *:
    """
    /* Without the GIL, and where objects are not CPython's, a count of one proves nothing. */
    static int tulipa_is_only_ours(PyObject *data) {
    #if defined(PYPY_VERSION) || defined(Py_GIL_DISABLED)
        (void)data;
        return 0;
    #elif PY_VERSION_HEX >= 0x030E0000
        return PyUnstable_Object_IsUniquelyReferenced(data);
    #else
        return Py_REFCNT(data) == 1;
    #endif
    }
    /* Only for an object that is only ours; its hash belonged to what it held before. */
    static void tulipa_set_size(PyObject *data, Py_ssize_t size) {
    #ifndef PYPY_VERSION
        Py_SET_SIZE((PyVarObject *)data, size);
        PyBytes_AS_STRING(data)[size] = 0;
    #if defined(__GNUC__)
    #pragma GCC diagnostic push
    #pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    #endif
        ((PyBytesObject *)data)->ob_shash = -1;
    #if defined(__GNUC__)
    #pragma GCC diagnostic pop
    #endif
    #endif
    }
    """
    bint is_only_ours "tulipa_is_only_ours"(PyObject *data)
    void set_size "tulipa_set_size"(object data, Py_ssize_t size)

cdef enum:
    WORTH_REUSE = 513  # smaller ones come from Python's own allocator, which is as fast
    SMALL = 4096  # up to here more than one is remembered
    REMEMBERED = 32
    WORTH_NO_COPY = 16384

cdef bytes _spare
cdef Py_ssize_t _room
cdef list _older
cdef Py_ssize_t _oldest

@cython.locals(is_usable=bint)
cdef object bytes_of(const char *data, Py_ssize_t size)
cdef bint lend(iovec *vector) except -1
@cython.locals(joined=bytes)
cdef object given_back(Py_ssize_t size, const char *rest)
@cython.locals(last=bytes)
cdef int _turn_to_oldest() except -1
cdef bint _is_free() noexcept
cdef bint _fits(Py_ssize_t size) noexcept
