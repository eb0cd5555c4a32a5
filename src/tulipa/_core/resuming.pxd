from cpython.object cimport PyObject

ctypedef int (*sender)(object, object, PyObject **) except -1

cdef extern from *:
    """
    /* From Python 3.12 on, `await` calls tp_iternext, not am_send; ending it bare is returning None. */
    static PyObject *tulipa_next_by_send(PyObject *self) {
        PyObject *result = NULL, *stop;
        PySendResult outcome = Py_TYPE(self)->tp_as_async->am_send(self, Py_None, &result);
        if (outcome != PYGEN_RETURN) return result;
        if (result != Py_None) {
            stop = PyObject_CallOneArg(PyExc_StopIteration, result);
            if (stop != NULL) { PyErr_SetObject(PyExc_StopIteration, stop); Py_DECREF(stop); }
        }
        Py_DECREF(result);
        return NULL;
    }
    /* A type without asynchronous slots has no table for them: give it one of its own. */
    static int tulipa_fill_am_send(PyObject *type, int (*send)(PyObject *, PyObject *, PyObject **)) {
        PyTypeObject *t = (PyTypeObject *)type;
        if (t->tp_as_async == NULL) {
            t->tp_as_async = (PyAsyncMethods *)PyMem_RawCalloc(1, sizeof(PyAsyncMethods));
            if (t->tp_as_async == NULL) { PyErr_NoMemory(); return -1; }
        }
        t->tp_as_async->am_send = (sendfunc)send;
        t->tp_iternext = tulipa_next_by_send;
        return 0;
    }
    """
    int PYGEN_NEXT
    int PYGEN_RETURN
    int fill_am_send "tulipa_fill_am_send"(object type, sender send) except -1

cdef bint _COMPLAINS

cdef int set_send(object iterator_type, sender send) except -1
