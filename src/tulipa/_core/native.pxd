from cpython.object cimport PyObject, PyTypeObject

cdef extern from "Python.h":
    object PyContext_CopyCurrent()
    int PyContext_Enter(object context) except -1
    int PyContext_Exit(object context) except -1
    bint PyCoro_CheckExact(object item)
    PyTypeObject PyBaseObject_Type

ctypedef int (*sender)(object, object, PyObject **) except -1
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
    /* Memory of objects that are gone, for the next ones: of one type in each module, which asks for it. The garbage
       collector sees such objects, but they do not set it off: it counts what PyObject_GC_New and PyObject_GC_Del are
       asked for. No garbage stays for that, as each cycle through one goes through others, which are counted. */
    enum { TULIPA_LINE = 64 };  /* bytes of a cache line: objects of whole lines touch fewer of them */
    static struct { PyTypeObject *type; PyObject *first; int count, limit; size_t head, room; } tulipa_spares;
    static void tulipa_free_or_keep(void *memory) {
        PyObject *gone = (PyObject *)memory;
        if (Py_TYPE(gone) != tulipa_spares.type) PyObject_GC_Del(gone);
        else if (tulipa_spares.count < tulipa_spares.limit) {
            *(PyObject **)(gone + 1) = tulipa_spares.first;
            tulipa_spares.first = gone;
            tulipa_spares.count++;
        } else PyObject_Free((char *)gone - tulipa_spares.head);
    }
    static PyObject *tulipa_spare(PyTypeObject *type) {
        PyObject *made = tulipa_spares.first;
        if (type != tulipa_spares.type) return NULL;
        if (made != NULL) {
            tulipa_spares.first = *(PyObject **)(made + 1);
            tulipa_spares.count--;
        } else {
            char *memory = (char *)PyObject_Malloc(tulipa_spares.room);
            if (memory == NULL) return NULL;
            memset(memory, 0, tulipa_spares.head);
            made = (PyObject *)(memory + tulipa_spares.head);
        }
        return PyObject_Init(made, type);
    }
    static PyObject *tulipa_alloc(PyTypeObject *type, Py_ssize_t count) {
        PyObject *made = tulipa_spare(type);
        if (made == NULL) return PyType_GenericAlloc(type, count);
        memset((char *)made + sizeof(PyObject), 0, (size_t)type->tp_basicsize - sizeof(PyObject));
        PyObject_GC_Track(made);
        return made;
    }
    static void tulipa_give_back_spares(int few) {
        PyObject *gone;
        for (int enough = Py_MAX(few, tulipa_spares.count / 2); tulipa_spares.count > enough; tulipa_spares.count--) {
            gone = tulipa_spares.first;
            tulipa_spares.first = *(PyObject **)(gone + 1);
            PyObject_Free((char *)gone - tulipa_spares.head);
        }
    }
    static void tulipa_keep_spares(PyObject *type, int limit, size_t head) {
    #ifndef Py_GIL_DISABLED
        tulipa_spares.type = (PyTypeObject *)type;
        tulipa_spares.limit = limit;
        tulipa_spares.head = head;
        tulipa_spares.room = (head + tulipa_spares.type->tp_basicsize + TULIPA_LINE - 1) / TULIPA_LINE * TULIPA_LINE;
        tulipa_spares.type->tp_alloc = tulipa_alloc;
        tulipa_spares.type->tp_free = tulipa_free_or_keep;
    #endif
    }
    /* Fields of objects are a reference each; before Python 3.12 those to None are counted. */
    static PyObject *tulipa_copy_of(PyObject *model) {
        PyTypeObject *type = Py_TYPE(model);
        PyObject *made = tulipa_spare(type);
        if (made == NULL) made = PyObject_GC_New(PyObject, type);
        if (made == NULL) return NULL;
        memcpy((char *)made + sizeof(PyObject), (char *)model + sizeof(PyObject),
               (size_t)type->tp_basicsize - sizeof(PyObject));
    #if PY_VERSION_HEX < 0x030C0000
        for (PyObject **field = (PyObject **)(made + 1); (char *)field < (char *)made + type->tp_basicsize; field++)
            if (*field == Py_None) Py_INCREF(Py_None);
    #endif
        PyObject_GC_Track(made);
        return made;
    }
    static CYTHON_INLINE PyObject **tulipa_dict_of(PyObject *object) {
        Py_ssize_t offset = Py_TYPE(object)->tp_dictoffset;
        return offset > 0 ? (PyObject **)((char *)object + offset) : NULL;
    }
    /* Cython makes an object's dictionary with the object; Python makes one when the first attribute is set. */
    static void tulipa_forget_dict(PyObject *object) {
        PyObject **dict = tulipa_dict_of(object);
        if (dict != NULL) Py_CLEAR(*dict);
    }
    /* Whether nobody has set attributes on it, beside its fields: its methods may be among them. */
    static CYTHON_INLINE int tulipa_is_untouched(PyObject *object) {
        PyObject **dict = tulipa_dict_of(object);
        return dict == NULL || *dict == NULL || PyDict_GET_SIZE(*dict) == 0;
    }
    /* What the collector knows, gc.get_objects() gives away, and whoever finds it there may change it. */
    static void tulipa_hide(PyObject *object) {
        PyObject_GC_UnTrack(object);
        tulipa_forget_dict(object);
    }
    /* The usual way to free an object goes from base to base, and talks to the collector at each. Here all is done in
       one go, for objects of the model's type: they refer to others where the model has None, and in a dictionary and
       weak references, which most do not have. Each module that has a model has these for itself. */
    static PyTypeObject *tulipa_flat_type;
    static destructor tulipa_usual_dealloc;
    static int tulipa_fields[64], tulipa_field_count;
    static void tulipa_flat_dealloc(PyObject *self) {
        PyTypeObject *type = Py_TYPE(self);
        if (type == tulipa_flat_type) {
            if (type->tp_finalize != NULL && PyObject_CallFinalizerFromDealloc(self) < 0) return;
            if ((type->tp_dictoffset <= 0 || *(PyObject **)((char *)self + type->tp_dictoffset) == NULL)
                    && *(PyObject **)((char *)self + type->tp_weaklistoffset) == NULL) {
                PyObject_GC_UnTrack(self);
                for (int *field = tulipa_fields, *end = field + tulipa_field_count; field < end; field++) {
                    PyObject *referred = *(PyObject **)((char *)self + *field);
                    if (referred != Py_None || PY_VERSION_HEX < 0x030C0000) Py_XDECREF(referred);
                }
                type->tp_free(self);
                return;
            }
        }
        tulipa_usual_dealloc(self);
    }
    static void tulipa_free_flatly(PyObject *model) {
        PyTypeObject *type = Py_TYPE(model);
        int place = (int)sizeof(PyObject);
        if (type->tp_flags & Py_TPFLAGS_HEAPTYPE || type->tp_weaklistoffset <= 0) return;
        if (type->tp_basicsize > 64 * (Py_ssize_t)sizeof(PyObject *)) return;
        for (; place < type->tp_basicsize; place += (int)sizeof(PyObject *))
            if (*(PyObject **)((char *)model + place) == Py_None) tulipa_fields[tulipa_field_count++] = place;
        tulipa_flat_type = type;
        tulipa_usual_dealloc = type->tp_dealloc;
        type->tp_dealloc = tulipa_flat_dealloc;
    }
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
    /* What takes any keyword makes a dictionary for them in each call. The keywords that nearly all calls of a method
       have are recognized before that, by identity, for Python has one object for each name in a program: calls with
       no others go to `quick(self, argument, name, context)`. Of a function (`type` is None, as is `self`) calls
       without keywords do. Each module that uses this has one for itself. */
    typedef PyObject *(*tulipa_quick)(PyObject *self, PyObject *argument, PyObject *name, PyObject *context);
    static struct {
        PyTypeObject *type;
        tulipa_quick call;
        vectorcallfunc usual;
        PyObject *name, *context;
    } tulipa_quickly;
    static PyObject *tulipa_call_by_kind(PyObject *function, PyObject *const *args, size_t count, PyObject *keywords) {
        PyObject *name = Py_None, *context = Py_None;
        Py_ssize_t left = keywords == NULL ? 0 : PyTuple_GET_SIZE(keywords);
        Py_ssize_t positional = tulipa_quickly.type == NULL ? 1 : 2;
        if (PyVectorcall_NARGS(count) == positional
                && (positional == 1 || PyObject_TypeCheck(args[0], tulipa_quickly.type))) {
            for (; left > 0; left--) {
                PyObject *keyword = PyTuple_GET_ITEM(keywords, left - 1), *value = args[positional + left - 1];
                if (keyword == tulipa_quickly.name) name = value;
                else if (keyword == tulipa_quickly.context) context = value;
                else break;
            }
            if (left == 0)
                return tulipa_quickly.call(positional == 1 ? Py_None : args[0], args[positional - 1], name, context);
        }
        return tulipa_quickly.usual(function, args, count, keywords);
    }
    static int tulipa_call_quickly(PyObject *function, PyObject *type, tulipa_quick quick) {
        Py_ssize_t place = Py_TYPE(function)->tp_vectorcall_offset;
        if (place <= 0) return 0;
        if (type != Py_None) {
            tulipa_quickly.type = (PyTypeObject *)type;
            tulipa_quickly.name = PyUnicode_InternFromString("name");
            tulipa_quickly.context = PyUnicode_InternFromString("context");
            if (tulipa_quickly.name == NULL || tulipa_quickly.context == NULL) return -1;
        }
        tulipa_quickly.call = quick;
        tulipa_quickly.usual = *(vectorcallfunc *)((char *)function + place);
        *(vectorcallfunc *)((char *)function + place) = tulipa_call_by_kind;
        return 0;
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
    void keep_spares "tulipa_keep_spares"(object type, int limit, size_t head)
    void give_back_spares "tulipa_give_back_spares"(int few)
    object copy_of "tulipa_copy_of"(object model)
    void forget_dict "tulipa_forget_dict"(object item)
    bint is_untouched "tulipa_is_untouched"(object item)
    void hide "tulipa_hide"(object item)
    void free_flatly "tulipa_free_flatly"(object model)
    int call_quickly "tulipa_call_quickly"(object function, object type, quick shortcut) except -1
    int PYGEN_NEXT
    int PYGEN_RETURN
    int fill_am_send "tulipa_fill_am_send"(object type, sender send) except -1
    int fill_doc "tulipa_fill_doc"(object type, str text) except -1

cdef object current_context()
cdef bint is_coroutine(object item) except -1
cdef Py_hash_t identity_hash(object item) except -1
cdef object as_model(object item)
cdef size_t collector_room(object item) except? 0
cdef int set_signature(object kind, str parameters) except -1
cdef object referent(object reference)
cdef int set_send(object iterator_type, sender send) except -1
