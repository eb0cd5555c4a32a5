"""Contexts (PEP 567) that are copied only when it makes a difference.

Each callback, task and transport runs in a copy of the context that it was made in. Most change no variable, so that
one copy serves all of them, one after the other: they hold a Share in it, and who changes something keeps the copy
for itself. Interpreted, everybody has a copy.
"""

import contextvars
import weakref

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

_OFTEN = 3  # as many copies with the same values one after the other are reason to share


@cython.cclass
class Share:
    """What many hold in place of a context of their own: the values that it would have."""

    def __init__(self, origin):
        self._origin = origin  # nobody enters it
        self._spare = None  # a copy as good as new, while nobody is in it


def current_context():
    """A copy of the current context (PEP 567), what a callback runs in unless told otherwise."""
    if cython.compiled:
        return PyContext_CopyCurrent()
    return contextvars.copy_context()


def held_context():
    """What stands for a copy of the current context: a copy, or a Share."""
    if not cython.compiled:
        return contextvars.copy_context()
    values = current_values(_values_at)
    if values == cython.NULL:
        return PyContext_CopyCurrent()
    if values == _empty_values:
        return _empty
    latest = referred_to(_latest)
    if latest is not None and values == values_of(cython.cast(Share, latest)._origin, _values_at):
        return latest
    return _copy_or_share(values)


def _copy_or_share(values):
    """A copy the first times that these values are met, so that those who change them often pay for nothing more."""
    global _latest, _met_values, _times_met
    if values != _met_values:
        _met_values = values
        _times_met = 0
    _times_met += 1
    if _times_met < _OFTEN:
        return PyContext_CopyCurrent()
    _times_met = 0
    share = Share(PyContext_CopyCurrent())
    # Weakly: the values are to go when nobody needs them any more, and no garbage is to be given out.
    _latest = weakref.ref(share)
    return share


def own_context(held):
    """The context itself, which its holder keeps from now on."""
    if not cython.compiled or type(held) is not Share:
        return held
    return PyContext_Copy(cython.cast(Share, held)._origin)


def _find_values():
    """Where this Python's contexts have their values; 0 where that can't be told, and nothing is shared."""
    variable = contextvars.ContextVar("variable")
    filled = contextvars.Context()
    filled.run(variable.set, None)
    return find_values(contextvars.Context(), filled, filled.copy())


if cython.compiled:
    _met_values = cython.NULL
    _times_met = 0
    _values_at = _find_values()
    _empty = Share(contextvars.Context())
    _latest = weakref.ref(_empty)
    _empty_values = values_of(_empty._origin, _values_at)
