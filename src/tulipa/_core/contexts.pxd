cimport cython

cdef extern from *:
    """
    static Py_ssize_t tulipa_values_at;  /* in a Context; 0 is nowhere */
    static CYTHON_INLINE void *tulipa_values_of(PyObject *context) {
        return tulipa_values_at == 0 ? NULL : *(void **)((char *)context + tulipa_values_at);
    }
    static CYTHON_INLINE void *tulipa_current_values(void) {
        PyObject *current = PyThreadState_Get()->context;
        return current == NULL ? NULL : tulipa_values_of(current);
    }
    static int tulipa_take_visited(PyObject *visited, void *place) {
        *(PyObject **)place = visited;
        return 1;  /* that was enough */
    }
    /* What a context refers to are its values: a copy has the same pointer, and a context without values another. */
    static void tulipa_find_values(PyObject *empty, PyObject *filled, PyObject *copy) {
    #ifndef Py_GIL_DISABLED
        PyTypeObject *type = Py_TYPE(filled);
        PyObject *values = NULL;
        type->tp_traverse(filled, tulipa_take_visited, &values);
        for (Py_ssize_t at = sizeof(PyObject); at + (Py_ssize_t)sizeof(void *) <= type->tp_basicsize;
                at += sizeof(void *)) {
            if (*(PyObject **)((char *)filled + at) != values) continue;
            if (values != NULL && values == *(PyObject **)((char *)copy + at)
                    && values != *(PyObject **)((char *)empty + at)) tulipa_values_at = at;
            return;
        }
    #endif
    }
    /* In place of a call. What is gone, or about to be, is None. */
    static CYTHON_INLINE PyObject *tulipa_referred_to(PyObject *reference) {
        return Py_NewRef(((PyWeakReference *)reference)->wr_object);
    }
    /* Only its holder and who leaves it know it, as two local references. */
    static CYTHON_INLINE int tulipa_is_private(PyObject *context) {
        return Py_REFCNT(context) == 2
            && *(PyObject **)((char *)context + Py_TYPE(context)->tp_weaklistoffset) == NULL;
    }
    """
    object PyContext_Copy(object context)
    object PyContext_CopyCurrent()
    int PyContext_Enter(object context) except -1
    int PyContext_Exit(object context) except -1
    void *values_of "tulipa_values_of"(object context)
    void *current_values "tulipa_current_values"()
    void find_values "tulipa_find_values"(object empty, object filled, object copy)
    object referred_to "tulipa_referred_to"(object reference)
    bint is_private "tulipa_is_private"(object context)

cdef int _OFTEN
cdef Share _empty
cdef void *_empty_values
cdef object _latest
cdef void *_met_values
cdef int _times_met


@cython.final
cdef class Share:
    cdef object _origin
    cdef object _spare
    cdef object __weakref__


cdef object current_context()
@cython.locals(values="void *")
cdef object held_context()
@cython.locals(share=Share)
cdef object _copy_or_share(void *values)
cdef object own_context(object held)
@cython.locals(share=Share)
cdef object enter(object held)
@cython.locals(share=Share)
cdef object leave(object held, object context)
