from cpython.object cimport PyObject

cdef extern from "Python.h":
    object PyContext_CopyCurrent()
    int PyContext_Enter(object context) except -1
    int PyContext_Exit(object context) except -1

ctypedef int (*sender)(object, object, PyObject **) except -1

cdef extern from *:
    """
    /* A type without asynchronous slots has no table for them: give it one of its own. */
    static int tulipa_fill_am_send(PyObject *type, int (*send)(PyObject *, PyObject *, PyObject **)) {
        PyTypeObject *t = (PyTypeObject *)type;
        if (t->tp_as_async == NULL) {
            t->tp_as_async = (PyAsyncMethods *)PyMem_RawCalloc(1, sizeof(PyAsyncMethods));
            if (t->tp_as_async == NULL) { PyErr_NoMemory(); return -1; }
        }
        t->tp_as_async->am_send = (sendfunc)send;
        return 0;
    }
    """
    int fill_am_send "tulipa_fill_am_send"(object type, sender send) except -1

cdef object current_context()
cdef object call_in(object context, object callback, tuple args)
cdef int set_send(object iterator_type, sender send) except -1
