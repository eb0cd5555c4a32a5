from cpython.object cimport PyObject, PyTypeObject

cdef extern from "Python.h":
    bint PyCoro_CheckExact(object item)
    PyTypeObject PyBaseObject_Type

ctypedef object (*quick)(object, object, object, object)

cdef extern from *:
    """
    #define tulipa_new_reference(object) (Py_INCREF(object), (object))
    static CYTHON_INLINE PyObject *tulipa_strong_reference(PyObject *reference) {
        PyObject *object = NULL;
    #if PY_VERSION_HEX >= 0x030D0000
        if (PyWeakref_GetRef(reference, &object) < 0) return NULL;
        if (object == NULL) object = Py_NewRef(Py_None);
    #else
        object = PyWeakref_GetObject(reference);
        Py_XINCREF(object);
    #endif
        return object;
    }
    /* callback(*args), called straight from the tuple. */
    static PyObject *tulipa_call(PyObject *callback, PyObject *args) {
        Py_ssize_t count = PyTuple_Check(args) ? PyTuple_GET_SIZE(args) : 0;
        return PyObject_Vectorcall(callback, ((PyTupleObject *)args)->ob_item, (size_t)count, NULL);
    }
    /* What takes any keyword makes a dictionary for them in each call. The keywords that nearly all calls of a method
       have are recognized before that, by identity, for Python has one object for each name in a program: calls with
       no others go to `quick(self, argument, name, context)`. Of a function, which has no `self`, calls without
       keywords do. The definition is changed, for Python calls it there without asking the method or the function.
       Each module that uses this has one for itself. */
    typedef PyObject *(*tulipa_quick)(PyObject *self, PyObject *argument, PyObject *name, PyObject *context);
    typedef PyObject *(*tulipa_usual)(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords);
    static struct {
        tulipa_quick call;
        tulipa_usual usual;
        PyObject *name, *context;
    } tulipa_quickly;
    static PyObject *tulipa_call_by_kind(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords) {
        PyObject *name = Py_None, *context = Py_None;
        Py_ssize_t left = keywords == NULL ? 0 : PyTuple_GET_SIZE(keywords);
        if (count == 1) {
            for (; left > 0; left--) {
                PyObject *keyword = PyTuple_GET_ITEM(keywords, left - 1), *value = args[left];
                if (keyword == tulipa_quickly.name) name = value;
                else if (keyword == tulipa_quickly.context) context = value;
                else break;
            }
            if (left == 0) return tulipa_quickly.call(self == NULL ? Py_None : self, args[0], name, context);
        }
        return tulipa_quickly.usual(self, args, count, keywords);
    }
    /* Without arguments (`argument` is NULL) or with one, by the function itself: no vectorcall, no recursion to count.
       Whatever is not as expected is called the usual way. */
    static PyObject *tulipa_call_method(PyObject *method, PyObject *self, PyObject *argument) {
        if (Py_IS_TYPE(method, &PyMethodDescr_Type) && PyObject_TypeCheck(self, PyDescr_TYPE(method))) {
            PyMethodDef *definition = ((PyMethodDescrObject *)method)->d_method;
            if (definition->ml_flags == (argument ? METH_O : METH_NOARGS)) return definition->ml_meth(self, argument);
        }
        return PyObject_CallFunctionObjArgs(method, self, argument, NULL);
    }
    static PyObject *tulipa_call_function(PyObject *function) {
        if (PyCFunction_CheckExact(function) && PyCFunction_GET_FLAGS(function) == METH_NOARGS)
            return PyCFunction_GET_FUNCTION(function)(PyCFunction_GET_SELF(function), NULL);
        return PyObject_CallNoArgs(function);
    }
    static int tulipa_call_quickly(PyObject *function, tulipa_quick quick) {
        int is_method = PyObject_TypeCheck(function, &PyMethodDescr_Type);
        PyMethodDef *definition = is_method ? ((PyMethodDescrObject *)function)->d_method
                                            : ((PyCFunctionObject *)function)->m_ml;
        if (definition->ml_flags != (METH_FASTCALL | METH_KEYWORDS)) return 0;
        if (is_method) {
            tulipa_quickly.name = PyUnicode_InternFromString("name");
            tulipa_quickly.context = PyUnicode_InternFromString("context");
            if (tulipa_quickly.name == NULL || tulipa_quickly.context == NULL) return -1;
        }
        tulipa_quickly.call = quick;
        tulipa_quickly.usual = (tulipa_usual)(void (*)(void))definition->ml_meth;
        definition->ml_meth = (PyCFunction)(void (*)(void))tulipa_call_by_kind;
        return 0;
    }
    static int tulipa_own_method(PyObject *type, PyObject *name, PyObject *method) {
        PyObject *own = PyDescr_NewMethod((PyTypeObject *)type, ((PyMethodDescrObject *)method)->d_method);
        int failed = own == NULL || PyDict_SetItem(((PyTypeObject *)type)->tp_dict, name, own) < 0;
        Py_XDECREF(own);
        PyType_Modified((PyTypeObject *)type);
        return failed ? -1 : 0;
    }
    /* For good, as a static type is; a type on the heap would free its text in a way of its own. */
    static int tulipa_fill_doc(PyObject *type, PyObject *text) {
        const char *utf8 = PyUnicode_AsUTF8(text);
        char *copy = utf8 == NULL ? NULL : (char *)PyMem_RawMalloc(strlen(utf8) + 1);
        if (copy == NULL) { if (utf8 != NULL) PyErr_NoMemory(); return -1; }
        strcpy(copy, utf8);
        if (((PyTypeObject *)type)->tp_flags & Py_TPFLAGS_HEAPTYPE) PyMem_RawFree(copy);
        else ((PyTypeObject *)type)->tp_doc = copy;
        return 0;
    }
    """
    PyObject *new_reference "tulipa_new_reference"(object)
    object strong_reference "tulipa_strong_reference"(object reference)
    object call "tulipa_call"(object callback, object args)
    object call_method "tulipa_call_method"(object method, object self, PyObject *argument)
    object call_function "tulipa_call_function"(object function)
    int call_quickly "tulipa_call_quickly"(object function, quick shortcut) except -1
    int own_method "tulipa_own_method"(object type, str name, object method) except -1
    int fill_doc "tulipa_fill_doc"(object type, str text) except -1

cdef object _append
cdef object _popleft
cdef object _ask_running_loop

cdef object append(object line, object item)
cdef object popleft(object line)
cdef object running_loop()
cdef bint is_coroutine(object item) except -1
cdef Py_hash_t identity_hash(object item) except -1
cdef int set_signature(object kind, str parameters) except -1
cdef object referent(object reference)
