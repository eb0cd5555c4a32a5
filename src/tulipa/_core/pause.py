"""`sleep`, and the pause of one turn that ``sleep(0)`` is."""

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._core import resuming
from tulipa._core.waiting import sleep_until_timer

if not cython.compiled:  # compiled, the .pxd declares them
    from tulipa._core.resuming import set_send


@cython.freelist(64)
@cython.cclass
class Pause:
    """A coroutine-like object that lets everything else that is ready run once, then ends with its result."""

    def __init__(self, result=None):
        self._result = result
        self._resumed = False

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        if self._must_wait():
            return None
        raise StopIteration(self._result)

    def close(self):
        """End it."""
        self._resumed = True

    send = resuming.send
    throw = resuming.throw

    def _must_wait(self):
        if self._resumed:
            return False
        self._resumed = True
        return True


def _send(pause, value, out):
    """Pause's `am_send`."""
    this = cython.cast(Pause, pause)
    if this._must_wait():
        out[0] = new_reference(None)
        return PYGEN_NEXT
    out[0] = new_reference(this._result)
    return PYGEN_RETURN


if cython.compiled:
    set_send(Pause, _send)


def sleep(delay, result=None):
    """Wait for `delay` seconds, never less, then give `result`; 0 lets everything else that is ready run once.

    Raises ValueError for NaN. As asyncio.sleep; what it gives is awaited, or made a task, like any coroutine.
    """
    if delay == 0 or delay <= 0:  # the first is faster for an int
        pause = Pause.__new__(Pause)
        pause._result = result
        pause._resumed = False
        return pause
    return sleep_until_timer(delay, result)
