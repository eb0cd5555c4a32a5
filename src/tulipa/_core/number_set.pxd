cimport cython


@cython.final
cdef class NumberSet:
    cdef bytearray _marks

    @cython.locals(missing=Py_ssize_t)
    cpdef int add(self, Py_ssize_t number) except -1
    cpdef int discard(self, Py_ssize_t number) except -1
    cpdef bint has(self, Py_ssize_t number) except -1
