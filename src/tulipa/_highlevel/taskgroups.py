"""TaskGroup, as asyncio's of Python 3.15."""

from asyncio import CancelledError, current_task, get_running_loop
from types import MethodType

from tulipa._core.countdown import join_members
from tulipa._core.pause import sleep


class _Replaceable:
    """TaskGroup's `_on_task_done`: a method, but a group that is given another one of its own hears of every task.

    Programs count finished tasks so. Looking for it at each `create_task` would cost those that do not.
    """

    def __init__(self, function):
        self._function = function

    def __get__(self, group, owner=None):
        if group is None:
            return self._function
        own = group._own_on_task_done
        return MethodType(self._function, group) if own is None else own

    def __set__(self, group, value):
        group._own_on_task_done = value
        group._hears_of_every_task = True

    def __delete__(self, group):
        if group._own_on_task_done is None:
            raise AttributeError("_on_task_done")
        del group._own_on_task_done


class TaskGroup:
    """Tasks that end together: ``async with TaskGroup() as group: group.create_task(…)``.

    The block is left when all of them are done. If one fails, or the block does, the others are cancelled, and an
    ExceptionGroup of all failures is raised.
    """

    _hears_of_every_task = False  # one with an `_on_task_done` of its own
    _own_on_task_done = None  # what this group was given

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        cls._hears_of_every_task = cls._on_task_done is not TaskGroup._on_task_done

    def __init__(self):
        self._entered = False
        self._exiting = False
        self._aborting = False
        self._cancel_on_enter = False
        self._loop = None
        self._parent_task = None
        self._parent_cancel_requested = False
        self._tasks = set()
        self._errors = []
        self._base_error = None
        self._on_completed_fut = None

    def __repr__(self):
        words = ["<TaskGroup"]
        if self._tasks:
            words.append(f"tasks={len(self._tasks)}")
        if self._errors:
            words.append(f"errors={len(self._errors)}")
        if self._aborting:
            words.append("cancelling")
        elif self._entered:
            words.append("entered")
        return " ".join(words) + ">"

    @property
    def _awaiter(self):
        """Who waits for the tasks: the call graph asks."""
        return self._parent_task

    async def __aenter__(self):
        if self._entered:
            raise RuntimeError(f"TaskGroup {self!r} has already been entered: make a new one for each block")
        if self._loop is None:
            self._loop = get_running_loop()
        self._parent_task = current_task(self._loop)
        if self._parent_task is None:
            raise RuntimeError(
                f"TaskGroup {self!r} cannot determine the parent task: use it in a coroutine that a task runs"
            )
        self._entered = True
        if self._cancel_on_enter:
            self.cancel()
        return self

    def create_task(self, coro, **kwargs):
        """A new task of the group that runs `coro`; `kwargs` as for ``loop.create_task``.

        Raises RuntimeError outside of the block, and once the group is finished or shutting down.
        """
        if self._aborting or not self._entered or (self._exiting and not self._tasks):
            coro.close()
            raise RuntimeError(f"TaskGroup {self!r} {self._why_not()}")
        task = self._loop.create_task(coro, **kwargs) if kwargs else self._loop.create_task(coro)
        # A task that has run eagerly may be done; it is dealt with later all the same, for to cancel the parent
        # at this point would be too early.
        if self._hears_of_every_task:
            self._tasks.add(task)
            task.add_done_callback(self._on_task_done)
        else:
            join_members(task, self._tasks, self)
        if self._aborting and not task.done():
            task.cancel()  # its eager start has cancelled the group
        try:
            return task
        finally:
            task = None  # the traceback of its exception may refer to this frame

    def cancel(self):
        """End the group without an exception: cancel its tasks and its block. Since Python 3.15.

        Before the block is entered, it is cancelled as soon as it is; once it was left, this does nothing.
        """
        if not self._entered:
            self._cancel_on_enter = True
        elif not self._aborting and (self._tasks or not self._exiting):
            self._abort()
            self._cancel_parent()

    async def __aexit__(self, et, exc, tb):
        try:
            return await self._finish(exc)
        finally:
            # Exceptions refer to frames, and those to the group: leave no cycles behind.
            self._parent_task = self._errors = self._base_error = exc = None
            del tb

    # -- its end --------------------------------------------------------------------------------------------

    async def _finish(self, exc):
        """Wait for the tasks; raise what has to be raised. True: the exception of the block is dealt with."""
        self._exiting = True
        if exc is not None:
            if _leaves_the_loop(exc) and self._base_error is None:
                self._base_error = exc
            if not self._aborting:
                self._abort()
        cancelled = exc if isinstance(exc, CancelledError) else None
        try:
            cancelled = await self._wait_for_tasks(cancelled)
            if self._base_error is not None:
                self._report_suppressed()
                raise self._base_error
            if cancelled is not None and not self._errors:
                raise cancelled
            if exc is not None and not isinstance(exc, CancelledError):
                self._errors.append(exc)
            if self._errors:
                raise self._failure(exc) from None
        finally:
            exc = cancelled = None
        return True

    async def _wait_for_tasks(self, cancelled):
        """Wait for all tasks; gives the CancelledError that others than the group have caused, or None."""
        last = None
        try:
            while self._tasks:
                self._on_completed_fut = self._loop.create_future()
                try:
                    await self._on_completed_fut
                except CancelledError as error:
                    last = error
                    if not self._aborting:
                        cancelled = error
                        self._abort()
                self._on_completed_fut = None
            if self._base_error is None and self._parent_cancel_requested:
                if self._parent_task.uncancel() == 0:
                    cancelled = None
                    await self._drop_own_cancellation()
                elif cancelled is None:
                    cancelled = last
            return cancelled
        finally:
            cancelled = last = None

    async def _drop_own_cancellation(self):
        """Before Python 3.13 the standard library's tasks throw a CancelledError though it was taken back."""
        if getattr(self._parent_task, "_must_cancel", False):
            try:
                await sleep(0)
            except CancelledError:
                if self._parent_task.cancelling():
                    raise  # others have asked for one meanwhile

    def _failure(self, exc):
        """What to raise for the errors; `exc` is the block's."""
        if self._parent_task.cancelling():
            # Others have asked for cancellation too: it comes at the next await, and is counted once.
            self._parent_task.uncancel()
            self._parent_task.cancel()
        if isinstance(exc, GeneratorExit) and len(self._errors) == 1:
            return exc  # so that aclose() of an asynchronous generator with a group in it works
        return BaseExceptionGroup("unhandled errors in a TaskGroup", self._errors)

    def _report_suppressed(self):
        for error in self._errors:
            if error is not self._base_error:
                self._loop.call_exception_handler(
                    {
                        "message": f"an exception in a TaskGroup gives way to {type(self._base_error).__name__}",
                        "exception": error,
                        "task_group": self,
                    }
                )

    @_Replaceable
    def _on_task_done(self, task):
        self._tasks.discard(task)
        if self._on_completed_fut is not None and not self._tasks and not self._on_completed_fut.done():
            self._on_completed_fut.set_result(True)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self._on_error(task, error)

    def _on_error(self, task, error):
        self._errors.append(error)
        if _leaves_the_loop(error) and self._base_error is None:
            self._base_error = error
        if self._parent_task.done():
            message = f"Task {task!r} has errored out but its parent task {self._parent_task} is already completed"
            self._loop.call_exception_handler({"message": message, "exception": error, "task": task})
        elif not self._aborting and not self._parent_cancel_requested:
            self._abort()
            self._cancel_parent()

    def _abort(self):
        self._aborting = True
        for task in self._tasks:
            if not task.done():
                task.cancel()

    def _cancel_parent(self):
        """Have the block end; `_wait_for_tasks` takes this request back."""
        if self._parent_task is not None and not self._parent_cancel_requested:
            self._parent_cancel_requested = True
            self._parent_task.cancel()

    def _why_not(self):
        if not self._entered:
            return "has not been entered: create tasks within its `async with` block"
        if self._exiting and not self._tasks:
            return "is finished: create tasks within its `async with` block"
        return "is shutting down, for one of its tasks has failed or it was cancelled"


def _leaves_the_loop(exc):
    return isinstance(exc, (SystemExit, KeyboardInterrupt))
