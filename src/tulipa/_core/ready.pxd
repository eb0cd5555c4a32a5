cimport cython

from tulipa._core.number_set cimport NumberSet

cdef extern from *:
    """
    /* References are moved along the chain, not counted once more and given up. */
    static CYTHON_INLINE PyObject *tulipa_take_first(PyObject **head, PyObject **tail, PyObject **next) {
        PyObject *first = *head;
        *head = *next;
        *next = Py_NewRef(Py_None);
        if (*head == Py_None) {
            *tail = Py_NewRef(Py_None);
            Py_DECREF(first);
        }
        return first;
    }
    static CYTHON_INLINE void tulipa_put_last(PyObject **end, PyObject **tail, PyObject *link) {
        PyObject *before = *tail;
        *end = *tail = link;
        Py_INCREF(link);
        Py_INCREF(link);
        Py_DECREF(Py_None);
        Py_DECREF(before);
    }
    /* These know the fields, which are declared only further on. */
    #define tulipa_take_first_of(queue) \
        tulipa_take_first((PyObject **)&(queue)->_head, (PyObject **)&(queue)->_tail, \
                          (PyObject **)&(queue)->_head->_next)
    #define tulipa_put_last_in(queue, link) \
        tulipa_put_last((PyObject **)((queue)->_head == (void *)Py_None ? &(queue)->_head : &(queue)->_tail->_next), \
                        (PyObject **)&(queue)->_tail, (PyObject *)(link))
    """
    Link take_first "tulipa_take_first_of"(ReadyQueue queue)
    void put_last "tulipa_put_last_in"(ReadyQueue queue, Link link)


cdef class Link:
    cdef Link _next

    cdef int _fire(self) except -1
    cdef int _fire_failed(self, object exc) except -1
    cdef int _settle(self) except -1


@cython.final
cdef class ReadyQueue:
    cdef Link _head
    cdef Link _tail
    cdef readonly Py_ssize_t count
    cdef object _posted
    cdef bint _has_posted

    cpdef int push(self, Link link) except -1
    cdef int push_first(self, Link link) except -1
    cdef Link pop(self)
    cpdef int post(self, Link link) except -1
    cpdef bint holds(self, Link link) except -1
    cpdef bint has_work(self) except -1
    cdef int collect_posted(self) except -1
    cdef int clear(self) except -1
    cdef int _append(self, Link link) except -1


cdef class LoopState:
    cdef readonly ReadyQueue _ready
    cdef readonly object _timers
    cdef public bint _debug
    cdef public bint _closed
    cdef public bint _call_soon_replaced
    cdef bint _in_turn
    cdef Link _entered
    cdef bint _listed
    cdef Link _told
    cdef bint _hash_replaced
    cdef list _settling
    cdef Link _first_task
    cdef Py_ssize_t _task_count
    cdef readonly NumberSet _transport_fds
    cdef public object _wrap_endpoint
    cdef object __weakref__

    cdef int at_end_of_turn(self, Link link) except -1
