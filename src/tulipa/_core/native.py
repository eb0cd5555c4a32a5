"""The few places of the core that speak C when compiled, each with its plain twin."""

import contextvars
import sys
from types import CoroutineType

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython


def current_context():
    """A copy of the current context (PEP 567), what a callback runs in unless told otherwise."""
    if cython.compiled:
        return PyContext_CopyCurrent()
    return contextvars.copy_context()


def is_coroutine(item):
    """Whether `item` is what calling an ``async def`` gives, the only kind of coroutine most programs have."""
    if cython.compiled:
        return PyCoro_CheckExact(item)
    return type(item) is CoroutineType


def identity_hash(item):
    """The hash of what is equal to nothing but itself."""
    if cython.compiled:
        return PyBaseObject_Type.tp_hash(item)
    return object.__hash__(item)


def as_model(item):
    """`item`, just made and with nothing but numbers and None in its fields, as a model for `copy_of`.

    Compiled, `copy_of(model)` makes another one by copying its memory, where making an object and setting each field
    costs several times as much. A copy has no dictionary for attributes: Python makes one when the first is set.
    The model itself is out of sight, for what was done to it would be done to every copy.
    """
    if not cython.compiled:
        return None  # nothing is copied, and nobody is to find it half made
    hide(item)
    return item


def collector_room(item):
    """How many bytes the garbage collector has in front of each object of the type of `item`."""
    return sys.getsizeof(item) - item.__sizeof__()


def set_signature(kind, parameters):
    """Let `inspect` and `help` tell what a compiled class is called with; an interpreted one tells by itself."""
    if cython.compiled:
        # Where a class of C's has it: in front of its docstring.
        fill_doc(kind, f"{kind.__name__}{parameters}\n--\n\n{kind.__doc__}")


def referent(reference):
    """What a weakref.ref refers to, None when that is gone."""
    if not cython.compiled:
        return reference()
    return strong_reference(reference)


def set_send(iterator_type, send):
    """Give a compiled iterator type the `am_send` slot: awaiting it makes no StopIteration object, or one at most."""
    if cython.compiled:
        fill_am_send(iterator_type, send)
