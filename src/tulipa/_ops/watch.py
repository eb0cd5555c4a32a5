"""add_reader, add_writer and their removal: callbacks for readiness of a file descriptor."""

import errno

from tulipa._core.handles import Handle
from tulipa._drivers.base import READ, WRITE
from tulipa._transports.callbacks import watcher_for


def add_reader(loop, fd, callback, *args):
    """Call ``callback(*args)`` whenever `fd` (a number, or an object with fileno()) can be read.

    Replaces another such callback. Raises ValueError for what is no descriptor, OSError for one that can not
    be watched, RuntimeError where a transport has it and on a closed loop.
    """
    _add(loop, fd, READ, callback, args)


def remove_reader(loop, fd):
    """Call no callback any more when `fd` can be read; False where there was none."""
    return _remove(loop, fd, READ)


def add_writer(loop, fd, callback, *args):
    """Call ``callback(*args)`` whenever `fd` (a number, or an object with fileno()) can be written.

    Replaces and raises as `add_reader`.
    """
    _add(loop, fd, WRITE, callback, args)


def remove_writer(loop, fd):
    """Call no callback any more when `fd` can be written; False where there was none."""
    return _remove(loop, fd, WRITE)


def _add(loop, file, interest, callback, args):
    loop._check_closed()
    fd = _number(file)
    if not callable(callback):
        raise TypeError(f"a callable object was expected to watch descriptor {fd} with, got {callback!r}")
    watcher = watcher_for(loop, fd)
    try:
        watcher.set_callback(interest, Handle(callback, args, loop))
    except PermissionError:
        raise PermissionError(
            errno.EPERM,
            f"descriptor {fd} can't be watched: regular files are always ready; use asyncio.to_thread()",
        ) from None


def _remove(loop, file, interest):
    return watcher_for(loop, _number(file)).remove_callback(interest)


def _number(file):
    fd = file
    if not isinstance(file, int):
        try:
            fd = int(file.fileno())
        except (AttributeError, TypeError, ValueError):
            message = f"Invalid file object: {file!r}; give a number or an object with fileno()"
            raise ValueError(message) from None
    if fd < 0:
        raise ValueError(f"Invalid file descriptor: {fd}; is {file!r} closed?")
    return fd
