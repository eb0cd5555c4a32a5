"""Timeout: a block's deadline, its states, and the timer that cancels the task; as asyncio's of Python 3.15."""

from asyncio import _get_running_loop, current_task, get_running_loop

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._core import resuming
from tulipa._core.places import PASSED
from tulipa._core.scheduler import Scheduler
from tulipa._core.tasks import Task
from tulipa._core.timers import TimerHandle
from tulipa._core.waiting import expire

if not cython.compiled:  # compiled, the .pxd declares them
    from tulipa._core.memory import as_model
    from tulipa._core.native import set_signature
    from tulipa._core.resuming import set_send

_CREATED = "created"
_ENTERED = "active"
_EXPIRING = "expiring"
_EXPIRED = "expired"
_EXITED = "finished"


class Timeout:
    """An asynchronous context manager that cancels its block at `when`, in seconds of the loop's clock.

    Outside of the block the CancelledError is a TimeoutError. None is no timeout. Made by `timeout`, `timeout_at`.
    """

    def __init__(self, when):
        self._state = _CREATED
        self._timeout_handler = None
        self._task = None
        self._when = when
        self._delay = None
        self._cancelling = 0
        self._tried = False

    def __repr__(self):
        words = f"<{type(self).__name__} [{self._state}]"
        if self._state is _ENTERED:
            words += f" when={None if self._when is None else round(self._when, 3)}"
        return f"{words}>"

    def when(self):
        """The deadline in seconds of the loop's clock, or None."""
        return self._when

    def reschedule(self, when):
        """Move the deadline; None is none. Raises RuntimeError outside of the block, and once it has passed."""
        if self._state is not _ENTERED:
            if self._state is _CREATED:
                raise RuntimeError("Timeout has not been entered: call reschedule() within its `async with` block")
            raise RuntimeError(f"Cannot change state of {self._state} Timeout: make a new one")
        self._delay = None
        self._schedule(get_running_loop(), when)

    def expired(self):
        """Whether the deadline passed while the block ran."""
        return self._state is _EXPIRING or self._state is _EXPIRED

    def __aenter__(self):
        return _entering(self)

    def _enter(self):
        if self._state is not _CREATED:
            raise RuntimeError("Timeout has already been entered: make a new one for each block")
        loop = _get_running_loop()
        if isinstance(loop, Scheduler) and cython.cast(Scheduler, loop)._entered is not None:
            task = cython.cast(Scheduler, loop)._entered
        else:
            task = current_task()
        if task is None:
            raise RuntimeError("Timeout should be used inside a task: start it by asyncio.run() or create_task()")
        self._state = _ENTERED
        self._task = task
        self._cancelling = cython.cast(Task, task)._cancel_requests if type(task) is Task else task.cancelling()
        if self._when is not None:
            self._schedule(loop, self._when)
        return 0

    def __aexit__(self, exc_type, exc_val, exc_tb):
        self._disarm()
        if self._state is _EXPIRING:
            self._state = _EXPIRED
            return expire(self, exc_val)
        self._state = _EXITED
        return PASSED  # no coroutine where nothing happened

    def _schedule(self, loop, when):
        self._when = when
        self._disarm()
        if when is None:
            return 0
        if when <= _time_of(loop):
            self._timeout_handler = loop.call_soon(self._on_timeout)
        elif _is_plain(loop):
            self._timeout_handler = cython.cast(Scheduler, loop)._add_timer(when, _ring, (self,), None, "call_at")
        else:
            self._timeout_handler = loop.call_at(when, self._on_timeout)

    def _disarm(self):
        handler = self._timeout_handler
        self._timeout_handler = None
        if type(handler) is TimerHandle:
            cython.cast(TimerHandle, handler)._cancel()
        elif handler is not None:
            handler.cancel()
        return 0

    def _on_timeout(self):
        awaited = getattr(self._task, "_fut_waiter", None)
        if not self._tried and awaited is not None and awaited.done() and not awaited.cancelled():
            # What the block waits for is there, and the task about to take it: it would be lost. Its turn is first.
            self._tried = True
            self._timeout_handler = get_running_loop().call_soon(self._on_timeout)
            return
        self._timeout_handler = None
        self._state = _EXPIRING
        self._task.cancel()


set_signature(Timeout, "(when)")


@cython.freelist(64)
@cython.cclass
class Entering:
    """What ``async with`` of a Timeout awaits: as a coroutine, it begins when it is awaited, and ends at once."""

    def __init__(self, timeout):
        self._timeout = timeout

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        self._timeout._enter()
        raise StopIteration(self._timeout)

    def close(self):
        """End it."""

    send = resuming.send
    throw = resuming.throw


def _entering(timeout):
    entering = Entering.__new__(Entering)
    entering._timeout = timeout
    return entering


def _send(entering, value, out):
    """Entering's `am_send`."""
    this = cython.cast(Entering, entering)
    this._timeout._enter()
    out[0] = new_reference(this._timeout)
    return PYGEN_RETURN


if cython.compiled:
    set_send(Entering, _send)


def _ring(timeout):
    timeout._on_timeout()


def _is_plain(loop):
    """Whether nobody sees by which way a timer is set."""
    if not isinstance(loop, Scheduler):
        return False
    scheduler = cython.cast(Scheduler, loop)
    return not scheduler._debug and not scheduler._timing_replaced


def _time_of(loop):
    return cython.cast(Scheduler, loop)._driver.time() if _is_plain(loop) else loop.time()


def timeout(delay):
    """A `Timeout` that expires `delay` seconds from now; None is no timeout."""
    if delay is None:
        return timeout_at(None)
    made = timeout_at(_time_of(get_running_loop()) + delay)
    made._delay = delay
    return made


def timeout_at(when):
    """A `Timeout` that expires at `when`, in seconds of the loop's clock; None is no timeout."""
    if not cython.compiled:
        return Timeout(when)
    made = cython.cast(Timeout, copy_of(_model))
    made._state = _CREATED
    made._when = when
    return made


_model = as_model(Timeout.__new__(Timeout))
