cdef int tell_made(object transport, object protocol) except -1
cdef int tell_writing(object transport, object protocol, bint paused) except -1
cpdef int report(object transport, object exc, str message) except -1
cdef int report_fatal(object transport, object exc, str message, bint debug) except -1
cdef int warn_ignored(object transport, int ignored_writes) except -1
cdef int warn_unsent(object transport, Py_ssize_t size) except -1
