"""Small things that speak C when compiled, each with its plain twin."""

from asyncio import _get_running_loop
from collections import deque
from types import CoroutineType, MethodDescriptorType

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

_append = deque.append
_popleft = deque.popleft
_ask_running_loop = _get_running_loop


def append(line, item):
    """``line.append(item)``, of a deque."""
    if cython.compiled:
        return call_method(_append, line, cython.cast(cython.pointer(PyObject), item))
    return _append(line, item)


def popleft(line):
    """``line.popleft()``, of a deque."""
    if cython.compiled:
        return call_method(_popleft, line, cython.NULL)
    return _popleft(line)


def running_loop():
    """The loop that runs in this thread, or None."""
    if cython.compiled:
        return call_function(_ask_running_loop)
    return _ask_running_loop()


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


def own_methods(kind):
    """A decorator: the methods that the class inherits from compiled ones become its own.

    Python has a short way to call a method of C's, but only where `self` is of the very class that the method is of.
    """
    if cython.compiled:
        for base in kind.__mro__[1:-1]:
            for name, method in list(vars(base).items()):
                if type(method) is MethodDescriptorType and getattr(kind, name) is method:
                    own_method(kind, name, method)
    return kind


def referent(reference):
    """What a weakref.ref refers to, None when that is gone."""
    if not cython.compiled:
        return reference()
    return strong_reference(reference)
