cimport cython

cdef extern from "Python.h":
    object PyBytes_FromStringAndSize(const char *data, Py_ssize_t size)
    char *PyBytes_AS_STRING(object data)
    char *PyByteArray_AS_STRING(object data)

cdef extern from *:
    """
    static CYTHON_INLINE Py_ssize_t tulipa_find_byte(const char *text, Py_ssize_t start, Py_ssize_t size,
                                                     const char *byte) {
        const char *found = start < size ? memchr(text + start, *byte, size - start) : NULL;
        return found == NULL ? -1 : found - text;
    }
    """
    Py_ssize_t find_byte "tulipa_find_byte"(const char *text, Py_ssize_t start, Py_ssize_t size, const char *byte)


cdef class ByteBuffer:
    cdef object _first
    cdef Py_ssize_t _offset
    cdef list _more
    cdef Py_ssize_t _gone
    cdef Py_ssize_t _size

    cpdef Py_ssize_t count(self) except -1
    cpdef int append(self, bytes data) except -1
    @cython.locals(start=Py_ssize_t, end=Py_ssize_t)
    cpdef bytes take(self, Py_ssize_t size)
    @cython.locals(place=Py_ssize_t)
    cpdef Py_ssize_t find(self, bytes separator, Py_ssize_t start) except -2
    cdef int _append_small(self, bytes data) except -1
    @cython.locals(more=list, gone=Py_ssize_t)
    cdef int _advance(self) except -1
    @cython.locals(parts=list, start=Py_ssize_t, end=Py_ssize_t)
    cdef bytes _gather(self, Py_ssize_t size)
    cdef int _join(self) except -1


cdef class SharedBuffer(ByteBuffer):
    cdef readonly bytearray array

    cpdef Py_ssize_t count(self) except -1
    cpdef int append(self, bytes data) except -1
    cpdef bytes take(self, Py_ssize_t size)
    cpdef Py_ssize_t find(self, bytes separator, Py_ssize_t start) except -2


@cython.locals(text="char *")
cdef bytes cut(object piece, Py_ssize_t start, Py_ssize_t end)
@cython.locals(text="char *")
cdef Py_ssize_t find_in(object piece, bytes separator, Py_ssize_t start) except -2
