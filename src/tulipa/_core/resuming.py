"""What coroutine-like objects have in common: `send` by their `__next__`, `throw` by their `close`.

They take these as methods, for compiled classes with a freelist, as most of them are, can have no base class. `binding`
makes them functions that become methods there; they ask nothing of `self` that not every object answers.
"""

import sys
import warnings

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

# Since Python 3.12 coroutines complain about the old form; so do we, from then on.
_COMPLAINS = sys.version_info >= (3, 12)


@cython.binding(True)
def send(self, value):
    """Resume it, as a coroutine's does; it takes no value."""
    return self.__next__()


@cython.binding(True)
def throw(self, kind, value=None, traceback=None):
    """End it, and raise the exception where it is awaited, of the three forms that coroutines take."""
    if _COMPLAINS and (value is not None or traceback is not None):
        warnings.warn(
            "the (type, exc, tb) signature of throw() is deprecated, use the single-arg signature instead.",
            DeprecationWarning,
            stacklevel=1 if cython.compiled else 2,  # compiled, this function has no frame
        )
    self.close()
    if isinstance(kind, BaseException) and value is not None:
        raise TypeError(f"instance exception may not have a separate value: {value!r} beside {kind!r}")
    error = kind if value is None else value
    if isinstance(error, type) and issubclass(error, BaseException):
        error = error()
    elif not isinstance(error, BaseException) and isinstance(kind, type) and issubclass(kind, BaseException):
        error = kind(error)
    if not isinstance(error, BaseException):
        raise TypeError(f"exceptions must derive from BaseException, got {error!r}")
    raise error if traceback is None else error.with_traceback(traceback)


def set_send(iterator_type, send):
    """Give a compiled iterator type the `am_send` slot: awaiting it makes no StopIteration object, or one at most."""
    if cython.compiled:
        fill_am_send(iterator_type, send)
