cdef extern from *:
    """
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
            /* The collector's mark that the finalizer has run was that of the object before. */
            if (type->tp_finalize != NULL) memset((char *)made - tulipa_spares.head, 0, tulipa_spares.head);
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
            PyObject **dict;
            if (type->tp_finalize != NULL && PyObject_CallFinalizerFromDealloc(self) < 0) return;
            dict = tulipa_dict_of(self);
            if ((dict == NULL || *dict == NULL) && *(PyObject **)((char *)self + type->tp_weaklistoffset) == NULL) {
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
    """
    void keep_spares "tulipa_keep_spares"(object type, int limit, size_t head)
    void give_back_spares "tulipa_give_back_spares"(int few)
    object copy_of "tulipa_copy_of"(object model)
    void forget_dict "tulipa_forget_dict"(object item)
    bint is_untouched "tulipa_is_untouched"(object item)
    void hide "tulipa_hide"(object item)
    void free_flatly "tulipa_free_flatly"(object model)

cdef object as_model(object item)
cdef size_t collector_room(object item) except? 0
