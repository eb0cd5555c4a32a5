"""What ``throw(kind, value, traceback)`` of a coroutine-like object raises."""


def to_raise(kind, value, traceback):
    """The exception itself, of the three forms that ``throw`` takes. Raises TypeError for anything else."""
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
