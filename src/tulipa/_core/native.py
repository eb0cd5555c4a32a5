"""Small things that speak C when compiled, each with its plain twin."""

from types import CoroutineType

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython


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
