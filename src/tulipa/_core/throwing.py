"""What ``throw(kind, value, traceback)`` of a coroutine-like object raises."""

import sys
import warnings

# Since Python 3.12 coroutines complain about the old form; so do we, from then on.
_COMPLAINS = sys.version_info >= (3, 12)


def to_raise(kind, value, traceback):
    """The exception itself, of the three forms that ``throw`` takes. Raises TypeError for anything else."""
    if _COMPLAINS and (value is not None or traceback is not None):
        warnings.warn(
            "the (type, exc, tb) signature of throw() is deprecated, use the single-arg signature instead.",
            DeprecationWarning,
            # Compiled, the method that was called has no frame.
            stacklevel=3 if sys._getframe(1).f_globals.get("__name__", "").startswith("tulipa.") else 2,
        )
    if isinstance(kind, BaseException) and value is not None:
        raise TypeError(f"instance exception may not have a separate value: {value!r} beside {kind!r}")
    error = kind if value is None else value
    if isinstance(error, type) and issubclass(error, BaseException):
        error = error()
    elif not isinstance(error, BaseException) and isinstance(kind, type) and issubclass(kind, BaseException):
        error = kind(error)
    if not isinstance(error, BaseException):
        raise TypeError(f"exceptions must derive from BaseException, got {error!r}")
    return error if traceback is None else error.with_traceback(traceback)
