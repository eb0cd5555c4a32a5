cimport cython
from cpython.object cimport PyObject, PyTypeObject

cdef extern from *:
    """
    /* `at` is where a Context has its values; 0 is nowhere. */
    static CYTHON_INLINE void *tulipa_values_of(PyObject *context, Py_ssize_t at) {
        return *(void **)((char *)context + at);
    }
    static CYTHON_INLINE void *tulipa_current_values(Py_ssize_t at) {
        PyObject *current = at == 0 ? NULL : PyThreadState_Get()->context;
        return current == NULL ? NULL : tulipa_values_of(current, at);
    }
    static int tulipa_take_visited(PyObject *visited, void *place) {
        *(PyObject **)place = visited;
        return 1;  /* that was enough */
    }
    /* What a context refers to are its values: a copy has the same pointer, and a context without values another. */
    static Py_ssize_t tulipa_find_values(PyObject *empty, PyObject *filled, PyObject *copy) {
    #ifndef Py_GIL_DISABLED
        PyTypeObject *type = Py_TYPE(filled);
        PyObject *values = NULL;
        type->tp_traverse(filled, tulipa_take_visited, &values);
        for (Py_ssize_t at = sizeof(PyObject); at + (Py_ssize_t)sizeof(void *) <= type->tp_basicsize;
                at += sizeof(void *)) {
            if (*(PyObject **)((char *)filled + at) != values) continue;
            return values != NULL && values == *(PyObject **)((char *)copy + at)
                && values != *(PyObject **)((char *)empty + at) ? at : 0;
        }
    #endif
        return 0;
    }
    /* In place of a call. What is gone, or about to be, is None. */
    static CYTHON_INLINE PyObject *tulipa_referred_to(PyObject *reference) {
        return Py_NewRef(((PyWeakReference *)reference)->wr_object);
    }
    /* A Share as C sees it, and the field where its holder has it, or a context. */
    typedef struct { PyObject_HEAD PyObject *origin, *spare; } tulipa_share;
    #define tulipa_slot_of(holder) (&(holder)->_held)
    /* `share` is what stood in the slot, NULL if it was a context. */
    static CYTHON_INLINE int tulipa_enter(PyObject **slot, PyTypeObject *share_type, PyObject **share, PyObject **context) {
        tulipa_share *found = Py_TYPE(*slot) == share_type ? (tulipa_share *)*slot : NULL;
        if (found == NULL) Py_INCREF(*context = *slot);
        else if (found->spare == Py_None) *context = PyContext_Copy(found->origin);
        else {
            *context = found->spare;
            Py_INCREF(found->spare = Py_None);
        }
        if (*context == NULL || PyContext_Enter(*context) < 0) {
            Py_CLEAR(*context);
            return -1;
        }
        *share = (PyObject *)found;
        if (found != NULL) Py_INCREF(*slot = *context);
        return 0;
    }
    /* The context goes back to the Share if it is as good as new: nothing has changed, and nobody else knows it.
       Something else stands in the slot where the holder's `__init__` was called again. */
    static CYTHON_INLINE int tulipa_leave(PyObject **slot, Py_ssize_t values_at, PyObject *share, PyObject *context) {
        tulipa_share *left = (tulipa_share *)share;
        int result = PyContext_Exit(context);
        if (left != NULL && *slot == context && Py_REFCNT(context) == 2
                && tulipa_values_of(context, values_at) == tulipa_values_of(left->origin, values_at)
                && *(PyObject **)((char *)context + Py_TYPE(context)->tp_weaklistoffset) == NULL) {
            *slot = share;
            share = left->spare;
            left->spare = Py_NewRef(context);
            Py_DECREF(context);  /* the slot's */
        }
        Py_XDECREF(share);
        Py_DECREF(context);
        return result;
    }
    """
    object PyContext_Copy(object context)
    object PyContext_CopyCurrent()
    int PyContext_Enter(object context) except -1
    int PyContext_Exit(object context) except -1
    void *values_of "tulipa_values_of"(object context, Py_ssize_t at)
    void *current_values "tulipa_current_values"(Py_ssize_t at)
    Py_ssize_t find_values "tulipa_find_values"(object empty, object filled, object copy)
    object referred_to "tulipa_referred_to"(object reference)
    int enter_slot "tulipa_enter"(PyObject **slot, PyTypeObject *share_type, PyObject **share, PyObject **context) except -1
    int leave_slot "tulipa_leave"(PyObject **slot, Py_ssize_t values_at, PyObject *share, PyObject *context) except -1

cdef int _OFTEN
cdef Py_ssize_t _values_at
cdef Share _empty
cdef void *_empty_values
cdef object _latest
cdef void *_met_values
cdef int _times_met


@cython.final
cdef class Share:  # begins as tulipa_share does
    cdef object _origin
    cdef object _spare
    cdef object __weakref__


cdef object current_context()
@cython.locals(values="void *")
cdef object held_context()
@cython.locals(share=Share)
cdef object _copy_or_share(void *values)
cdef object own_context(object held)
cdef Py_ssize_t _find_values() except -1

# Compiled code only: interpreted, what is held is a context, and has `run`.


cdef inline int enter(PyObject **slot, PyObject **share, PyObject **context) except -1:
    """Enter what is held in `slot`, where the context itself stands until `leave`."""
    return enter_slot(slot, <PyTypeObject *>Share, share, context)


cdef inline int leave(PyObject **slot, PyObject *share, PyObject *context) except -1:
    """Leave the context, which stays in `slot` if it changed, or somebody else has got hold of it."""
    return leave_slot(slot, _values_at, share, context)
