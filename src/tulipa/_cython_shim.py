"""Stands in for the `cython` module where Cython is not installed.

Hot modules run interpreted there; all that they ask of `cython` are declarations, which mean nothing to
Python. Each name here accepts what its model accepts and leaves the code's behaviour alone. C's widths are
not imitated: an interpreted integer never overflows. A hot module imports it so:

    try:
        import cython
    except ImportError:
        from tulipa._cython_shim import cython
"""

import builtins
import sys

compiled = False

NULL = None
bint = builtins.bool
double = builtins.float
char = int = long = longlong = uint = ulong = ulonglong = size_t = Py_ssize_t = builtins.int


class void:
    """C's void: only ever named, as a result's type."""


p_void = void


def _unchanged(definition):
    """Decorate without a change."""
    return definition


def _decorator_factory(*args, **kwargs):
    """Accept a declaration's arguments and return a decorator that changes nothing."""
    return _unchanged


cfunc = ccall = cclass = inline = final = _unchanged
locals = returns = exceptval = freelist = _decorator_factory
binding = boundscheck = wraparound = cdivision = nonecheck = _decorator_factory


class _LockRelease:
    """`cython.nogil` and `cython.gil`: a decorator and a context manager, both without effect."""

    def __call__(self, definition):
        return definition

    def __enter__(self):
        return None

    def __exit__(self, *exception):
        return None


nogil = gil = _LockRelease()


def pointer(base):
    """Name the type of a pointer; Python has none, so that only its name can be used."""
    return void


def cast(type, value, typecheck=False):
    """Convert to a number type, as C does; a cast to any other type gives the value itself.

    With `typecheck`, raises TypeError where it is neither None nor an instance of the class `type`.
    """
    if type in (builtins.int, builtins.float, builtins.bool):
        return type(value)
    if typecheck and isinstance(type, builtins.type) and not isinstance(value, (type, builtins.type(None))):
        raise TypeError(f"Cannot convert {builtins.type(value).__name__} to {type.__name__}")
    return value


def declare(type=None, value=None, **variables):
    """Give the value that the declared variable starts with."""
    return value


cython = sys.modules[__name__]
