cdef bint _COMPLAINS
