"""The scheduler: asyncio's ways of saying "later", and one iteration of the loop.

docs/design.md describes the iteration in the same numbered steps.
"""

import asyncio
import inspect
import threading

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._core import describe
from tulipa._core.futures import Future
from tulipa._core.handles import Handle
from tulipa._core.ready import Link, LoopState
from tulipa._core.tasks import Task, eager_task_factory
from tulipa._core.timers import TimerHandle, TimerHeap

if not cython.compiled:  # compiled, the .pxd declares them
    from tulipa._core.futures import new_future
    from tulipa._core.handles import new_handle, tidy_up
    from tulipa._core.native import identity_hash
    from tulipa._core.tasks import forget_tasks, new_task, tasks_of
    from tulipa._core.timers import new_timer
    from tulipa._core.world import leave_on_ours, register_loop, tell_running, unregister_loop

_LONGEST_WAIT = 86400.0

# While there is work, looking for readiness costs a system call a turn, more than a short turn itself. After so many
# looks in a row that found nothing, only one turn in so many looks, or the first one after so many seconds.
# After one that found several, the tasks that they wake have their turn first. Otherwise connections fall into two
# halves that alternate, one being received for while the other one is answered: twice as many turns, each with half as
# much to do, and peers that fall asleep between two answers and have to be woken.
_PATIENCE = 32
_STRIDE = 16
_LONGEST_BLINDNESS = 0.0002

# It makes tasks that begin at once, as ours does: where it was set, they are tasks of ours, as without a factory.
_STANDARD_EAGER_FACTORY = getattr(asyncio, "eager_task_factory", None)


class Scheduler(LoopState):
    """Runs handles, timers and tasks, and waits by its driver when there is nothing to run."""

    def __init__(self, driver):
        LoopState.__init__(self)
        self._driver = driver
        self._timers = TimerHeap()
        self._thread_id = 0
        self._stopping = False
        self._waiting = False
        self._empty_looks = 0
        self._blind_turns = 0
        self._found_several = False
        self._last_look = 0.0
        # As _call_soon_replaced, of `time` and `call_at`: then timeouts go by them.
        self._timing_replaced = False
        self._task_factory = None
        self._eager = False
        self._hash_replaced = type(self).__hash__ is not Scheduler.__hash__
        self._current_handle = None
        self.slow_callback_duration = 0.1
        register_loop(self)

    def __hash__(self):
        tell_running(self)
        return identity_hash(self)

    # -- saying "later" -------------------------------------------------------------------------------------

    def time(self):
        """Seconds of the driver's clock, which never goes back."""
        return self._driver.time()

    def call_soon(self, callback, *args, context=None):
        """Call ``callback(*args)`` in the next turn, in `context` (a copy of the current one). Gives a Handle."""
        self._check_callback(callback, "call_soon")
        if self._debug:
            self._check_thread()
            handle = Handle(callback, args, self, context)
        else:
            handle = new_handle(callback, args, self, context)
        self._ready.push(handle)
        return handle

    def call_soon_threadsafe(self, callback, *args, context=None):
        """As `call_soon`, from any thread and from signal handlers. Raises RuntimeError on a closed loop."""
        self._check_callback(callback, "call_soon_threadsafe")
        handle = Handle(callback, args, self, context) if self._debug else new_handle(callback, args, self, context)
        self._ready.post(handle)
        # The loop sets _waiting before it looks for posted handles for the last time: one of us sees the other.
        # Cleared before the wake-up, not after, so that nobody can take it for the next wait's.
        if self._waiting:
            self._waiting = False
            self._driver.wake()
        return handle

    def call_later(self, delay, callback, *args, context=None):
        """Call ``callback(*args)`` after `delay` seconds, never earlier. Gives a TimerHandle."""
        if delay is None:
            raise TypeError("delay must not be None; give a number of seconds")
        if type(delay) is float:  # then C adds
            return self._add_timer(
                self._driver.time() + cython.cast(cython.double, delay), callback, args, context, "call_later"
            )
        return self._add_timer(self._driver.time() + delay, callback, args, context, "call_later")

    def call_at(self, when, callback, *args, context=None):
        """Call ``callback(*args)`` at `when`, in seconds of this loop's `time`. Gives a TimerHandle."""
        if when is None:
            raise TypeError("when cannot be None; give a time of this loop's clock, such as loop.time() + 1")
        return self._add_timer(when, callback, args, context, "call_at")

    def _add_timer(self, when, callback, args, context, method):
        self._check_callback(callback, method)
        when = when + 0.0  # TypeError for what is no number
        if when != when:
            raise ValueError(f"{method}() needs a number of seconds, not NaN")
        if self._debug:
            self._check_thread()
            timer = TimerHandle(when, callback, args, self, context)
        else:
            timer = new_timer(when, callback, args, self, context)
        timers = self._timers
        timers.push(timer)
        return timer

    def create_future(self):
        """A new Future of this loop."""
        return Future(loop=self) if self._debug else new_future(self)

    def create_task(self, coro, *, name=None, context=None, eager_start=None, **kwargs):
        """A Task that runs `coro`, or what the task factory makes of it. As of Python 3.14."""
        return self._create_task(coro, name, context, eager_start, kwargs)

    def _create_task(self, coro, name, context, eager_start, kwargs):
        if self._closed:
            self._check_closed()
        if self._task_factory is not None:
            if not self._eager or self._debug or kwargs:
                return self._make_by_factory(coro, name, context, eager_start, kwargs or {})
            return new_task(coro, self, name, context, eager_start is None or eager_start)
        if self._debug or kwargs:
            return Task(coro, loop=self, name=name, context=context, eager_start=bool(eager_start), **(kwargs or {}))
        return new_task(coro, self, name, context, bool(eager_start))

    def _make_by_factory(self, coro, name, context, eager_start, kwargs):
        if context is not None:
            kwargs["context"] = context
        if eager_start is not None:
            kwargs["eager_start"] = eager_start
        if name is None:
            return self._task_factory(self, coro, **kwargs)
        if takes_name(self._task_factory):
            return self._task_factory(self, coro, name=name, **kwargs)
        # Made for Python 3.12 or older, where the name was set afterwards.
        task = self._task_factory(self, coro, **kwargs)
        if hasattr(task, "set_name"):
            task.set_name(name)
        return task

    def set_task_factory(self, factory):
        """Make tasks by ``factory(loop, coro, **kwargs)``; None for tulipa.Task. Raises TypeError."""
        if factory is not None and not callable(factory):
            raise TypeError(f"task factory must be a callable or None, not {factory!r}")
        self._task_factory = factory
        self._eager = factory is not None and (factory is eager_task_factory or factory is _STANDARD_EAGER_FACTORY)

    def get_task_factory(self):
        """The task factory, or None."""
        return self._task_factory

    def _check_callback(self, callback, method):
        if self._closed:
            self._check_closed()
        if not callable(callback) or (self._debug and inspect.iscoroutinefunction(callback)):
            if inspect.iscoroutine(callback) or inspect.iscoroutinefunction(callback):
                raise TypeError(f"coroutines cannot be used with {method}(), got {callback!r}; use create_task()")
            raise TypeError(f"a callable object was expected by {method}(), got {callback!r}")

    def _check_thread(self):
        """Debug mode: only the loop's own thread may do this."""
        if self._thread_id != 0 and self._thread_id != threading.get_ident():
            raise RuntimeError(
                "Non-thread-safe operation invoked on an event loop other than the current one; "
                "from other threads use loop.call_soon_threadsafe()"
            )

    def get_debug(self):
        """Whether debug mode is on."""
        return self._debug

    def is_running(self):
        """Whether the loop runs, in whatever thread."""
        return self._thread_id != 0

    @property
    def _tasks(self):
        """The tasks that it holds, which are not done."""
        return tasks_of(self)

    def _pending_counts(self):
        """(ready, timers, watchers): what this loop still has to do."""
        self._ready.collect_posted()
        return self._ready.count, self._timers.count(), self._driver.watcher_count()

    # -- one iteration --------------------------------------------------------------------------------------

    def _run_until_stopped(self):
        """Iterate until `stop` was called; the iteration in which it was called is finished first."""
        self._empty_looks = 0
        self._found_several = False
        try:
            while True:
                self._run_once()
                if self._stopping:
                    self._stopping = False
                    return 0
        finally:
            leave_on_ours(self)

    def _run_once(self):
        if self._in_turn:
            raise RuntimeError("a turn can't begin within a turn; await what is to happen instead of running the loop")
        # 1. Wait for readiness as long as there is nothing else to do; what is ready joins the queue.
        if self._must_look():
            self._look()
        # 2. What other threads posted, then the timers that are due, join the queue.
        if self._ready._has_posted:
            self._ready.collect_posted()
        timers = self._timers
        if timers.count() > 0:
            self._collect_due()
        # 3. Run what stands in the queue now, no more. 4. Send what was gathered meanwhile.
        self._in_turn = True
        try:
            self._run_ready()
        finally:
            try:
                if self._settling:
                    self._settle_all()
            finally:
                self._in_turn = False
        return 0

    def _must_look(self):
        if self._stopping or (self._ready.count == 0 and not self._ready._has_posted):
            return True
        self._blind_turns += 1
        if self._empty_looks < _PATIENCE:
            return not self._found_several or self._blind_turns > 1
        return self._blind_turns >= _STRIDE or self._driver.time() - self._last_look > _LONGEST_BLINDNESS

    def _look(self):
        """Ask the driver what is ready, waiting if there is no work. Who posts from here on wakes the driver."""
        leave_on_ours(self)
        self._waiting = True
        before = self._ready.count
        timeout = self._time_to_wait()
        if timeout != 0:
            tidy_up()
        try:
            self._driver.wait(timeout, self._ready)
        finally:
            self._waiting = False
        if timeout != 0 or self._ready.count > before:
            self._empty_looks = 0
        else:
            self._empty_looks += 1
            if self._empty_looks >= _PATIENCE:
                self._last_look = self._driver.time()
        self._blind_turns = 0
        self._found_several = self._ready.count > before + 1
        return 0

    def _time_to_wait(self):
        if self._stopping or self._ready.has_work():
            return 0.0
        timers = self._timers
        if timers.count() == 0:
            return -1.0
        return min(max(timers.first_when() - self._driver.time(), 0.0), _LONGEST_WAIT)

    def _collect_due(self):
        timers = self._timers
        now = self._driver.time()
        timer = timers.pop_due(now)
        while timer is not None:
            self._ready.push(timer)
            timer = timers.pop_due(now)
        return 0

    def _run_ready(self):
        """Fire what stands in the queue; one that fails is no reason to stop for the others."""
        ready = self._ready
        left = ready.count
        while left > 0:
            # One guard for all of them, set up again after a failure only.
            try:
                while left > 0:
                    left -= 1
                    link = ready.pop()
                    if self._listed and not isinstance(link, Task):
                        leave_on_ours(self)
                    if self._debug:
                        self._fire_watched(link)
                    else:
                        link._fire()
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as exc:
                link._fire_failed(exc)
        link = None  # an exception's traceback holds this frame, when interpreted
        return 0

    def _fire_watched(self, link):
        """Debug mode: tell of a callback that holds the loop up."""
        self._current_handle = link
        started = self._driver.time()
        try:
            link._fire()
        finally:
            self._current_handle = None
            took = self._driver.time() - started
            if took >= self.slow_callback_duration:
                describe.log_slow(link, took)
        return 0

    def _settle_all(self):
        leave_on_ours(self)
        settling = self._settling
        settled = 0
        try:
            # It may grow meanwhile.
            while settled < len(settling):
                settled += 1
                cython.cast(Link, settling[settled - 1])._settle()
        finally:
            del settling[:settled]
        return 0

    def _after_fork(self, go_on):
        """In a forked child: nothing that happens to this copy of the loop may reach the parent.

        Where the process was forked inside of a callback, ``go_on(loop)`` is called first when the loop goes on.
        """
        self._waiting = False
        self._driver.after_fork()
        if go_on is not None:
            leave_on_ours(self)
            self._ready.push_first(new_handle(go_on, (self,), self, None))

    def _drop_everything(self):
        """At close: nothing will run any more."""
        self._ready.clear()
        self._timers.clear()
        unregister_loop(self)
        forget_tasks(self)
        self._settling.clear()


def _create_usual_task(loop, coro, name, context):
    """Compiled, `create_task` comes here straight where it is given no other keywords."""
    return cython.cast(Scheduler, loop)._create_task(coro, name, context, None, None)


if cython.compiled:
    call_quickly(Scheduler.create_task, _create_usual_task)


def takes_name(factory):
    """Whether a task factory can be called with `name`."""
    try:
        inspect.signature(factory).bind(None, None, name="")
    except TypeError:
        return False
    except ValueError:
        pass  # nothing is known of it
    return True
