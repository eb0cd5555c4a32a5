"""Task (PEP 3156, "Tasks"; PEP 492): a coroutine, driven step by step by the ready queue."""

import asyncio
import inspect
from asyncio import CancelledError, InvalidStateError

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._core import describe
from tulipa._core.futures import Future
from tulipa._core.native import own_methods

if not cython.compiled:  # compiled, the .pxd declares them
    from tulipa._core.contexts import held_context, own_context
    from tulipa._core.memory import as_model
    from tulipa._core.native import is_coroutine, set_signature
    from tulipa._core.world import (
        end_on_ours,
        enter_on_ours,
        enter_task,
        leave_task,
        register_elsewhere,
        swap_task,
        unregister_elsewhere,
    )

_tasks_made = 0
_our_globals = globals()


class Task(Future):
    """A coroutine wrapped in a Future, as asyncio.Task of Python 3.15.

    While it is not done, either it stands in the ready queue, or it waits for `_fut_waiter`, which wakes it.
    """

    def __init__(self, coro, *, loop=None, name=None, context=None, eager_start=False):
        if self._loop is not None and not self._done:
            raise RuntimeError("Task.__init__() was called before, and the task is not done; make another Task")
        Future.__init__(self, loop=loop)
        if not is_coroutine(coro) and not asyncio.iscoroutine(coro):
            raise TypeError(_not_a_coroutine(coro))
        self._start(coro, name, context, eager_start)

    def _prepare(self, loop):
        Future._prepare(self, loop)
        self._must_cancel = False
        self._fut_waiter = None
        self._cancel_requests = 0
        self._to_throw = None
        self._before = None
        self._after = None
        self._log_destroy_pending = False

    def _start(self, coro, name, context, eager_start):
        global _tasks_made
        if name is None:
            _tasks_made += 1
            self._number = _tasks_made
            self._name = None
        else:
            self._number = 0
            self._name = str(name)
        self._coro = coro
        self._held = held_context() if context is None else context
        self._log_destroy_pending = True
        state = self._state_of_loop
        if eager_start and ((state is not None and state._in_turn) or self._loop.is_running()):
            self._enter_loop()
            self._start_eagerly()
        else:
            self._become_ready()
            self._enter_loop()

    @property
    def __class__(self):
        return asyncio.Task if type(self) is Task else type(self)

    def __repr__(self):
        return describe.task(self)

    def __del__(self):
        if not cython.compiled and "_log_destroy_pending" not in self.__dict__:
            return  # it was refused before it began
        if not self._done and self._log_destroy_pending:
            context = {"task": self, "message": "Task was destroyed but it is pending!"}
            if self._source_traceback:
                context["source_traceback"] = self._source_traceback
            self._loop.call_exception_handler(context)
        if self._log_tb:
            self._tell_of_exception()

    def _is_plain(self):
        return type(self) is Task

    # -- what it is -----------------------------------------------------------------------------------------

    def get_coro(self):
        """The coroutine; None for a task that ended during its eager start."""
        return self._coro

    def get_context(self):
        """The contextvars.Context that the coroutine runs in."""
        self._held = own_context(self._held)
        return self._held

    @property
    def _context(self):
        return self.get_context()

    def get_name(self):
        """The name given, or ``Task-N``."""
        if self._name is None:
            self._name = f"Task-{self._number}"
        return self._name

    def set_name(self, value):
        """Give it the name ``str(value)``."""
        self._name = str(value)

    def get_stack(self, *, limit=None):
        """The frames where it is suspended, or of the exception that ended it, oldest first."""
        from tulipa._core import stacks

        return stacks.task_frames(self, limit)

    def print_stack(self, *, limit=None, file=None):
        """Print `get_stack` to `file` (None is stdout)."""
        from tulipa._core import stacks

        stacks.print_task_stack(self, limit, file)

    def set_result(self, result):
        """A task's result comes from its coroutine: RuntimeError."""
        raise RuntimeError("Task does not support set_result operation")

    def set_exception(self, exception):
        """A task's exception comes from its coroutine: RuntimeError."""
        raise RuntimeError("Task does not support set_exception operation")

    # -- cancellation ---------------------------------------------------------------------------------------

    def cancel(self, msg=None):
        """Have CancelledError(msg) raised where the coroutine waits; False where the task is done."""
        self._log_tb = False
        if self._done:
            return False
        innermost = self._request_cancellation()
        if innermost._fut_waiter is None or not innermost._fut_waiter.cancel(msg=msg):
            innermost._must_cancel = True
            innermost._cancel_message = msg
        return True

    def _request_cancellation(self):
        """Count the request for this task and those that it awaits through each other; gives the innermost.

        A walk, not a recursion, for the chain may be long. One that bites its tail is found by Brent's method.
        """
        task = self
        mark = None
        steps = 0
        next_mark = 1
        while True:
            task._cancel_requests += 1
            task._log_tb = False
            awaited = task._fut_waiter
            if not isinstance(awaited, Task) or awaited.done() or type(awaited).cancel is not Task.cancel:
                return task
            task = cython.cast(Task, awaited)
            if task is mark:
                raise RecursionError(f"tasks that await each other in a circle can't be cancelled: {task!r}")
            steps += 1
            if steps == next_mark:
                mark = task
                next_mark *= 2

    def cancelling(self):
        """How many cancellation requests there were that `uncancel` did not take back."""
        return self._cancel_requests

    def uncancel(self):
        """Take one cancellation request back; gives how many remain."""
        if self._cancel_requests > 0:
            self._cancel_requests -= 1
            if self._cancel_requests == 0:
                self._must_cancel = False
        return self._cancel_requests

    # -- running --------------------------------------------------------------------------------------------

    def _become_ready(self):
        state = self._state_of_loop
        if state is None:
            self._loop.call_soon(self._step_on_foreign_loop, context=self.get_context())
        else:
            if state._closed:
                state._check_closed()
            state._ready.push(self)

    def _fire(self):
        """One step, from the ready queue."""
        failure = self._to_throw
        if failure is not None:
            self._to_throw = None
        elif self._fut_waiter is not None:
            failure = cython.cast(Future, self._fut_waiter, typecheck=True)._failure()
        if not cython.compiled:
            try:
                self._held.run(self._step, failure)
            finally:
                self = None  # see _resume
            return 0
        share = context = cython.NULL
        enter(slot_of(self), cython.address(share), cython.address(context))
        try:
            self._step(failure)
        finally:
            leave(slot_of(self), share, context)
        return 0

    def _fire_failed(self, exc):
        """Not the coroutine but the step failed: the context can't be entered, a callback can't be scheduled."""
        if self._done:
            context = {"message": "Exception in a step of a task", "exception": exc, "task": self}
            self._loop.call_exception_handler(context)
        else:
            # End the task rather than let it hang.
            self._end_with_exception(exc)
            self._loop.call_soon(self._coro.close)

    def _step_on_foreign_loop(self):
        failure = self._to_throw
        self._to_throw = None
        self._step(failure)

    def _wakeup(self, future):
        """Done-callback on futures that are not ours."""
        try:
            future.result()
        except BaseException as exc:
            self._step(exc)
        else:
            self._step(None)

    def _step(self, failure):
        """Resume the coroutine, by `failure` if there is one, as the loop's current task."""
        if self._done:
            raise InvalidStateError(f"step(): already done: {self!r}")
        if self._must_cancel:
            if not isinstance(failure, CancelledError):
                failure = self._make_cancelled_error()
            self._must_cancel = False
        self._fut_waiter = None
        state = self._state_of_loop
        try:
            if state is None:
                enter_task(self._loop, self)
                try:
                    self._resume(failure)
                finally:
                    leave_task(self._loop, self)
            else:
                if state._entered is not self:
                    enter_on_ours(state, self)
                self._resume(failure)
        finally:
            if not cython.compiled:
                self = None  # see _resume
        return 0

    def _resume(self, failure):
        if cython.compiled and failure is None:
            # The same as below, without a StopIteration object and without looking for exceptions to catch.
            value = cython.NULL
            outcome = resume(self._coro, cython.address(value))
            if outcome == PYGEN_NEXT:
                self._wait_for(own_reference(value))
            elif outcome == PYGEN_RETURN:
                self._end_with_result(own_reference(value))
            else:
                self._raised(own_reference(take_exception()))
            return 0
        try:
            yielded = self._coro.send(None) if failure is None else self._coro.throw(failure)
        except StopIteration as stop:
            self._end_with_result(stop.value)
        except BaseException as exc:
            self._raised(exc)
        else:
            self._wait_for(yielded)
        finally:
            if not cython.compiled:
                # The exception's traceback holds this frame: through it, the task would keep itself alive.
                self = None
        return 0

    def _raised(self, exc):
        """The coroutine ended by an exception. Raises it again where it has to leave the loop."""
        if isinstance(exc, CancelledError):
            # Kept for whoever awaits this task: the chain of its causes is not lost.
            self._cancelled_exc = exc
            self._end_cancelled(None)
            return 0
        self._end_with_exception(exc)
        if isinstance(exc, (KeyboardInterrupt, SystemExit)):
            try:
                raise exc
            finally:
                if not cython.compiled:
                    self = None  # see _resume
        return 0

    def _wait_for(self, yielded):
        """The coroutine yielded: be woken by what it waits for."""
        if yielded is None:
            self._become_ready()
        elif isinstance(yielded, Future) and cython.cast(Future, yielded)._is_plain():
            future = cython.cast(Future, yielded)
            if future._loop is not self._loop or future is self or not future._asyncio_future_blocking:
                self._refuse(yielded)
                return 0
            future._asyncio_future_blocking = False
            self._fut_waiter = future
            if self._state_of_loop is None or future._state_of_loop is None or future._done:
                self._fut_waiter.add_done_callback(self._wakeup, context=self.get_context())
            else:
                future._add_entry(self)
            if self._must_cancel and future.cancel(self._cancel_message):
                self._must_cancel = False
        else:
            self._wait_for_foreign(yielded)
        return 0

    def _wait_for_foreign(self, yielded):
        """A future of the standard library, a subclass, or an error."""
        if getattr(yielded, "_asyncio_future_blocking", None) is not True:
            self._refuse(yielded)
            return
        if _loop_of(yielded) is not self._loop or yielded is self:
            self._refuse(yielded)
            return
        yielded._asyncio_future_blocking = False
        yielded.add_done_callback(self._wakeup, context=self.get_context())
        self._fut_waiter = yielded
        if self._must_cancel and yielded.cancel(msg=self._cancel_message):
            self._must_cancel = False

    def _refuse(self, yielded):
        """Throw into the coroutine what is wrong with what it waits for."""
        self._to_throw = RuntimeError(_why_not(self, yielded))
        self._become_ready()

    def _start_eagerly(self):
        """Run the first step at once; the task is scheduled only if it has to wait."""
        state = self._state_of_loop
        if state is None or state._entered is None:
            before = swap_task(self._loop, self)
        else:
            before = state._entered
            enter_on_ours(state, self)
        resumed = False
        try:
            self._resume_in_context()
            resumed = True
        finally:
            if not resumed:
                self._leave()  # its context can't be entered: nobody is to wait for it
            if before is None or state is None or not state._listed:
                swap_task(self._loop, before)
            else:
                enter_on_ours(state, before)
            if self._done:
                self._coro = None
        return 0

    def _resume_in_context(self):
        if not cython.compiled:
            self._held.run(self._resume, None)
            return 0
        share = context = cython.NULL
        enter(slot_of(self), cython.address(share), cython.address(context))
        try:
            self._resume(None)
        finally:
            leave(slot_of(self), share, context)
        return 0

    # -- the end --------------------------------------------------------------------------------------------

    def _enter_loop(self):
        """The loop holds it until it is done: a chain of tasks that know both their neighbours."""
        state = self._state_of_loop
        if state is None:
            register_elsewhere(self)
            return 0
        after = cython.cast(Task, state._first_task)
        if after is not None:
            after._before = self
        self._after = after
        state._first_task = self
        state._task_count += 1
        return 0

    def _leave(self):
        """It is done: the loop lets go of it."""
        state = self._state_of_loop
        if state is None:
            unregister_elsewhere(self)
            return 0
        if state._entered is self:
            end_on_ours(state)
        self._leave_loop(state)
        return 0

    def _leave_loop(self, state):
        before = self._before
        after = self._after
        if before is None and state._first_task is not self:
            return 0  # it has left already
        self._before = None
        self._after = None
        state._task_count -= 1
        if after is not None:
            after._before = before
        if before is not None:
            before._after = after
        else:
            state._first_task = after
        return 0

    def _end_with_result(self, value):
        self._leave()
        if self._must_cancel:
            # It was cancelled right before the coroutine returned.
            self._must_cancel = False
            self._cancel(self._cancel_message)
        else:
            self._finish(value)
        return 0

    def _end_with_exception(self, exc):
        self._leave()
        # The traceback begins where the coroutine does, not with our own steps.
        traceback = exc.__traceback__
        while traceback is not None and traceback.tb_frame.f_globals is _our_globals:
            traceback = traceback.tb_next
        exc.__traceback__ = traceback
        self._fail(exc)
        return 0

    def _end_cancelled(self, msg):
        self._leave()
        self._cancel(msg)
        return 0


own_methods(Task)
set_signature(Task, "(coro, *, loop=None, name=None, context=None, eager_start=False)")


def new_task(coro, loop, name, context, eager_start):
    """A Task of `loop` without the detour through `__init__`, outside of debug mode."""
    if not is_coroutine(coro) and not asyncio.iscoroutine(coro):
        raise TypeError(_not_a_coroutine(coro))
    if cython.compiled:
        task = cython.cast(Task, copy_of(_model))
        task._live_in(loop)
    else:
        task = Task.__new__(Task)
        task._prepare(loop)
    task._start(coro, name, context, eager_start)
    return task


_model = as_model(Task.__new__(Task))
if cython.compiled:
    keep_spares(Task, 1024, collector_room(_model))  # as many as a busy turn has
    free_flatly(_model)


def tasks_of(state):
    """All tasks that the loop holds."""
    while True:
        tasks = []
        task = cython.cast(Task, state._first_task)
        while task is not None:
            tasks.append(task)
            task = task._after
        # Interpreted, asked by another thread: one may have left before its successor was looked up.
        if len(tasks) == state._task_count or cython.compiled:
            return tasks


def forget_tasks(state):
    """Let go of all tasks, one by one, so that a long chain is not destroyed by recursion."""
    while state._first_task is not None:
        task = cython.cast(Task, state._first_task)  # compiled, a method does not hold its own object
        task._leave_loop(state)
    return 0


def create_task(coro, **kwargs):
    """A new task of the running loop that runs `coro`; `kwargs` as for ``loop.create_task``.

    Raises RuntimeError where no loop runs, TypeError for what is no coroutine.
    """
    loop = _running_loop()
    return loop.create_task(coro, **kwargs) if kwargs else loop.create_task(coro)


_running_loop = asyncio.get_running_loop


def _create_usual_task(nobody, coro, name, context):
    """Compiled, `create_task` comes here straight where it is given no keywords."""
    return call_function(_running_loop).create_task(coro)


if cython.compiled:
    call_quickly(create_task, _create_usual_task)


def eager_task_factory(loop, coro, *, name=None, context=None, eager_start=True, **kwargs):
    """A task factory (`loop.set_task_factory`) whose tasks start at once, as asyncio's of Python 3.12."""
    return Task(coro, loop=loop, name=name, context=context, eager_start=eager_start, **kwargs)


def create_eager_task_factory(custom_task_constructor):
    """A task factory that starts `custom_task_constructor`'s tasks at once."""

    def factory(loop, coro, *, eager_start=True, **kwargs):
        return custom_task_constructor(coro, loop=loop, eager_start=eager_start, **kwargs)

    return factory


def _not_a_coroutine(thing):
    hint = ""
    if inspect.iscoroutinefunction(thing):
        hint = f"; call it: {thing.__name__}()"
    elif inspect.isawaitable(thing):
        hint = "; an awaitable that is no coroutine can be given to asyncio.ensure_future() or awaited"
    return f"a coroutine was expected, got {thing!r}{hint}"


def _why_not(task, yielded):
    if getattr(yielded, "_asyncio_future_blocking", None) is None:
        if inspect.isgenerator(yielded):
            return (f"yield was used instead of yield from for generator in task {task!r} with {yielded!r}; "
                    "use `yield from`, or `await` an asynchronous function")
        return f"Task got bad yield: {yielded!r}; only awaitables made for asyncio can be awaited here"
    loop = _loop_of(yielded)
    if loop is None:
        return (f"Task {task!r} got a {type(yielded).__name__} that is not initialized; "
                "a subclass with its own __init__ has to call super().__init__()")
    if loop is not task.get_loop():
        return (f"Task {task!r} got Future {yielded!r} attached to a different loop ({loop!r}); "
                "make it in the loop that awaits it, or use asyncio.run_coroutine_threadsafe()")
    if yielded is task:
        return f"Task cannot await on itself: {task!r}"
    return f"yield was used instead of yield from in task {task!r} with {yielded!r}; use `await`"


def _loop_of(future):
    """The loop of any kind of future; None where it was never initialised."""
    try:
        return asyncio.futures._get_loop(future)
    except RuntimeError:
        return None
