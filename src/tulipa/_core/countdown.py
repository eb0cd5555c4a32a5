"""The compiled part of `gather` and TaskGroup: who is told that a future is done without a Handle and a context.

A Link in the future's line of callbacks goes to the ready queue itself, at the place that its callback would have.
"""

from asyncio import CancelledError

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._core.futures import Future
from tulipa._core.ready import Link

if not cython.compiled:  # compiled, the .pxd declares them
    from tulipa._core.contexts import held_context, own_context
    from tulipa._core.memory import as_model
    from tulipa._core.native import is_coroutine


def as_children(awaitables, ensure_future, loop_of):
    """A future for each awaitable, the same for the same, with all of them once, and their loop."""
    loop = None
    children = []
    future_of = {}
    try:
        for awaitable in awaitables:
            child = future_of.get(awaitable)
            if child is None:
                if loop is None:
                    child = ensure_future(awaitable)
                    loop = loop_of(child)
                elif is_coroutine(awaitable):
                    try:  # as ensure_future does
                        child = loop.create_task(awaitable)
                    except RuntimeError:
                        awaitable.close()
                        raise
                else:
                    child = ensure_future(awaitable, loop=loop)
                future_of[awaitable] = child
                if child is not awaitable:
                    child._log_destroy_pending = False  # nobody else knows it: whoever dropped the gathering meant it
            children.append(child)
    except BaseException:
        for child in future_of.values():
            child.add_done_callback(_retrieve)  # those that were made run, and nobody can ask for what they raise
        raise
    return children, list(future_of.values()), loop


def _retrieve(future):
    if not future.cancelled():
        future.exception()


class Countdown:
    """Done-callback of all `children`, `left` of which are to be done, on behalf of the future `outer`."""

    def __init__(self, outer, children, left, return_exceptions):
        self._awaiter = outer
        self._children = children
        self._left = left
        self._return_exceptions = return_exceptions

    def watch(self, children):
        """Be called when each of the `children` is done, at once for those that are."""
        done = []
        for child in children:
            if _takes_links(child):
                # In the queue by itself: what is done then is no business of any context.
                cython.cast(Future, child)._add_entry(_new_watch(self, child))
            elif child.done():
                done.append(child)
            else:
                child.add_done_callback(self)
        for child in done:
            self(child)

    def __call__(self, child):
        if isinstance(child, Future) and cython.cast(Future, child)._is_plain():
            future = cython.cast(Future, child)
            future._log_tb = False
            self._child_is_done(future, future._cancelled or future._exception is not None)
        else:
            self._child_is_done(child, child.cancelled() or child.exception() is not None)  # which retrieves it

    def _child_is_done(self, child, failed):
        self._left -= 1
        outer = self._awaiter
        if (self._left > 0 and (not failed or self._return_exceptions)) or outer.done():
            return
        if failed and not self._return_exceptions:
            outer.set_exception(cancelled_error(child) if child.cancelled() else child.exception())
        elif outer._cancel_requested:
            outer.set_exception(cancelled_error(child))
        elif self._return_exceptions:
            outer.set_result([_outcome(child) for child in self._children])
        else:
            outer.set_result([_result(child) for child in self._children])


class Watch(Link):
    """Stands in a future's line of callbacks for a Countdown, and in the queue once the future is done."""

    def __init__(self, countdown, future):
        self._next = None
        self._countdown = countdown
        self._future = future

    @property
    def _wakeup(self):
        """What stands among the future's callbacks, for those that look there."""
        return self._countdown

    def get_context(self):
        """None: it runs no code of the program's."""
        return None

    def _fire(self):
        self._countdown(self._future)
        return 0

    def _fire_failed(self, exc):
        context = {"message": "Exception in a callback of gather()", "exception": exc, "future": self._future}
        self._future.get_loop().call_exception_handler(context)
        return 0


def _new_watch(countdown, future):
    if not cython.compiled:
        return Watch(countdown, future)
    watch = cython.cast(Watch, copy_of(_model_watch))
    watch._countdown = countdown
    watch._future = future
    return watch


_model_watch = as_model(Watch.__new__(Watch))


class Member(Link):
    """Stands in the line of a task of a group: takes it out of the `members`, and tells of it where that matters."""

    def __init__(self, task, members, group):
        self._next = None
        self._task = task
        self._members = members
        self._group = group
        self._held = held_context()

    @property
    def _wakeup(self):
        """What stands among the task's callbacks, for those that look there."""
        return self._group._on_task_done

    def get_context(self):
        """The context in which the group is told."""
        self._held = own_context(self._held)
        return self._held

    def _fire(self):
        task = self._task
        self._members.discard(task)
        if not self._members or task._cancelled or task._exception is not None:
            self.get_context().run(self._group._on_task_done, task)
        return 0

    def _fire_failed(self, exc):
        context = {"message": "Exception in a callback of a TaskGroup", "exception": exc, "future": self._task}
        self._task.get_loop().call_exception_handler(context)
        return 0


def _new_member(task, members, group):
    if not cython.compiled:
        return Member(task, members, group)
    member = cython.cast(Member, copy_of(_model_member))
    member._task = task
    member._members = members
    member._group = group
    member._held = held_context()
    return member


_model_member = as_model(Member.__new__(Member))
if cython.compiled:
    keep_spares(Member, 1024, collector_room(_model_member))


def join_members(task, members, group):
    """Put `task` into the set `members` until it is done.

    ``group._on_task_done(task)`` is called if it fails, or is the last one.
    """
    members.add(task)
    if _takes_links(task):
        cython.cast(Future, task)._add_entry(_new_member(task, members, group))
    else:
        task.add_done_callback(group._on_task_done)


def _takes_links(child):
    """Whether a link may stand in its line of callbacks: a pending future of ours, outside of debug mode."""
    if not isinstance(child, Future):
        return False
    future = cython.cast(Future, child)
    state = future._state_of_loop
    return future._is_plain() and state is not None and not state._debug and not future._done


def cancelled_error(future):
    """The CancelledError of a cancelled future: the one that ended the task, if it has one."""
    make = getattr(future, "_make_cancelled_error", None)
    return CancelledError() if make is None else make()


def _result(child):
    if isinstance(child, Future) and cython.cast(Future, child)._is_plain():
        return cython.cast(Future, child)._take_result()
    return child.result()


def _outcome(future):
    if future.cancelled():
        message = getattr(future, "_cancel_message", None)
        return CancelledError("" if message is None else message)
    error = future.exception()
    return future.result() if error is None else error
