cimport cython

from tulipa._core.contexts cimport held_context
from tulipa._core.handles cimport Handle
from tulipa._core.memory cimport as_model, collector_room, copy_of, free_flatly, keep_spares
from tulipa._core.native cimport set_signature
from tulipa._core.ready cimport LoopState

cdef extern from *:
    """
    typedef struct { double when; unsigned long long arrival; } tulipa_key;
    static CYTHON_INLINE tulipa_key tulipa_make_key(double when, unsigned long long arrival) {
        tulipa_key key = {when, arrival};
        return key;
    }
    static CYTHON_INLINE int tulipa_before(tulipa_key a, tulipa_key b) {
        return a.when < b.when || (a.when == b.when && a.arrival < b.arrival);
    }
    static tulipa_key *tulipa_resize_keys(tulipa_key *keys, Py_ssize_t room) {
        tulipa_key *resized = (tulipa_key *)PyMem_Realloc(keys, (size_t)room * sizeof(tulipa_key));
        if (resized == NULL) PyErr_NoMemory();
        return resized;
    }
    """
    ctypedef struct Key "tulipa_key":
        double when
        unsigned long long arrival
    Key make_key "tulipa_make_key"(double when, unsigned long long arrival)
    bint before "tulipa_before"(Key a, Key b)
    Key *resize_keys "tulipa_resize_keys"(Key *keys, Py_ssize_t room) except NULL
    void free_keys "PyMem_Free"(Key *keys)

cdef double inf
cdef double _NEAR
cdef Py_ssize_t _SPARE
cdef Py_ssize_t _FEW


cdef class TimerHandle(Handle):
    cdef readonly double _when

    cdef int _cancel(self) except -1
    cdef int _leave(self) except -1


@cython.final
cdef class TimerHeap:
    cdef list _near
    cdef Py_ssize_t _near_count
    cdef Key *_keys
    cdef unsigned long long _arrivals
    cdef list _far
    cdef Py_ssize_t _far_count
    cdef Py_ssize_t _far_end
    cdef Py_ssize_t _far_added
    cdef double _span
    cdef double _border
    cdef double _earliest_far

    cpdef Py_ssize_t count(self) except -1
    cdef double first_when(self) except? -1
    cdef int push(self, TimerHandle timer) except -1
    @cython.locals(timer=TimerHandle)
    cdef TimerHandle pop_due(self, double now)
    @cython.locals(place=Py_ssize_t)
    cdef int remove(self, TimerHandle timer) except -1
    @cython.locals(gone=list)
    cpdef clear(self)
    @cython.locals(looked_at=Py_ssize_t, changes=Py_ssize_t)
    cdef int _move_on(self, double now) except -1
    cdef int _drop_last(self) except -1
    @cython.locals(far=list, gone=list, end=Py_ssize_t, earliest=double, i=Py_ssize_t, timer=TimerHandle)
    cdef int _review_far(self, double border) except -1
    @cython.locals(key=Key, place=Py_ssize_t)
    cdef int _push_near(self, TimerHandle timer) except -1
    @cython.locals(end=Py_ssize_t, last=TimerHandle, key=Key)
    cdef int _remove_near(self, Py_ssize_t place) except -1
    @cython.locals(above=Py_ssize_t)
    cdef int _rise(self, TimerHandle timer, Key key, Py_ssize_t place) except -1
    @cython.locals(keys="Key *", least=Py_ssize_t, other=Py_ssize_t)
    cdef int _sink(self, TimerHandle timer, Key key, Py_ssize_t place) except -1
    cdef int _put(self, Py_ssize_t place, TimerHandle timer, Key key) except -1
    @cython.locals(near=list)
    cdef int _resize(self, Py_ssize_t room) except -1


@cython.locals(timer=TimerHandle)
cdef TimerHandle new_timer(double when, object callback, tuple args, object loop, object context)

cdef object _model
