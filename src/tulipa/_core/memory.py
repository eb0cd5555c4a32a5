"""Objects of ours made, kept and freed by their memory, without the calls that each of their classes asks for."""

import sys

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython


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
