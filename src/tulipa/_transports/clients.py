"""The transports of a server, which does not keep them alive: one that nobody closes is still noticed."""

import weakref

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._transports.life import Roster, Transport


class Clients(Roster):
    """The transports that have begun and are neither over nor freed; `coming` is for one that is being made.

    ``when_none()`` is called when the last one is over.

    Compiled it is a chain through them, without references: each strikes itself out before it is freed. A weak
    reference and its place in a set would take about a hundred and fifty bytes for each.
    """

    def __init__(self):
        self._first = cython.NULL
        self._weak = None if cython.compiled else weakref.WeakSet()
        self.count = 0
        self.coming = False
        self.when_none = None

    def __bool__(self):
        return self.coming or bool(self.count if cython.compiled else self._weak)

    def tell_if_none(self):
        """Call `when_none`, where it is set, if there is nobody."""
        if self.when_none is not None and not self:
            self.when_none()
        return 0

    def _enter(self, transport):
        if not cython.compiled:
            self._weak.add(transport)
            return 0
        itself = cython.cast(Transport, transport)
        itself._before = cython.NULL
        itself._after = self._first
        if self._first != cython.NULL:
            cython.cast(Transport, self._first)._before = pointer_to(itself)
        self._first = pointer_to(itself)
        self.count += 1
        return 0

    def _strike(self, transport):
        if not cython.compiled:
            self._weak.discard(transport)
            return self.tell_if_none()
        itself = cython.cast(Transport, transport)
        if itself._before != cython.NULL:
            cython.cast(Transport, itself._before)._after = itself._after
        else:
            self._first = itself._after
        if itself._after != cython.NULL:
            cython.cast(Transport, itself._after)._before = itself._before
        itself._before = itself._after = cython.NULL
        self.count -= 1
        return self.tell_if_none()

    def listed(self):
        """All of them, as a list."""
        if not cython.compiled:
            return list(self._weak)
        found = []
        place = self._first
        while place != cython.NULL:
            client = cython.cast(Transport, place)
            found.append(client)
            place = client._after
        return found
