"""The shared world: what the standard library's asyncio must know of our tasks to tell the truth.

`asyncio.current_task()` and `asyncio.all_tasks()` read tables of the standard library. A loop holds its tasks until
they are done; the standard library's table is taught to look there as well.
"""

import asyncio
import weakref

# Up to Python 3.13 a dictionary, shared with the C code; later the running task is part of the thread's state.
_current = getattr(asyncio.tasks, "_current_tasks", None)
if asyncio.current_task.__module__ == "_asyncio":
    _current = getattr(__import__("_asyncio"), "_current_tasks", None)
_shared_dict = isinstance(_current, dict)
_enter = asyncio.tasks._enter_task
_leave = asyncio.tasks._leave_task
_swap = getattr(asyncio.tasks, "_swap_current_task", None)

# Loops of ours that are not closed, and tasks of ours on loops that are not.
_loops = weakref.WeakSet()
_tasks_elsewhere = set()


class KnownTasks(weakref.WeakSet):
    """What `asyncio.all_tasks` iterates over: beside the tasks in there, those that our loops hold.

    To enter each of ours, and to take it out again, would cost more than one of its steps.
    """

    elsewhere = None

    def __iter__(self):
        yield from super().__iter__()
        if self.elsewhere is not None:
            yield from weakref.WeakSet.__iter__(self.elsewhere)
        for loop in list(_loops):
            yield from loop._tasks
        yield from list(_tasks_elsewhere)


_known = getattr(asyncio.tasks, "_scheduled_tasks", None)
if _known is None:
    _known = asyncio.tasks._all_tasks
if type(_known) is weakref.WeakSet:
    _known.__class__ = KnownTasks
else:
    # Another interpreter's: C code of Python 3.11 has one table for all of them. Leave it as it is, and look into it.
    KnownTasks.elsewhere = _known
    _known = asyncio.tasks._all_tasks = KnownTasks()

# Who knows of a loop where none runs; the policy tells it, see `ask_for_loops`.
_ask = asyncio.get_event_loop


def ask_for_loops(function):
    """From now on ``function()`` gives the loop of what is made without one where none runs."""
    global _ask
    _ask = function


def current_loop():
    """The running loop, else the current one of the policy. Raises RuntimeError where there is none."""
    loop = asyncio._get_running_loop()
    return _ask() if loop is None else loop


def register_loop(state):
    """From now on `asyncio.all_tasks` sees the tasks that this loop holds."""
    _loops.add(state)


def unregister_loop(state):
    """The loop is closed: it holds no task any more, but those that somebody else holds can still be seen."""
    _loops.discard(state)
    for task in state._tasks:
        _known.add(task)


def register_elsewhere(task):
    """Hold `task`, of a loop that is not ours, until it is done and let `asyncio.all_tasks` see it."""
    _tasks_elsewhere.add(task)


def unregister_elsewhere(task):
    """The task is done: let go of it."""
    _tasks_elsewhere.discard(task)


def enter_task(loop, task):
    """`task` runs from here on; `asyncio.current_task(loop)` gives it. RuntimeError while another one runs."""
    if not _shared_dict:
        _enter(loop, task)
        return 0
    running = _current.setdefault(loop, task)
    if running is not task:
        raise RuntimeError(f"Cannot enter into task {task!r} while another task {running!r} is being executed.")


def leave_task(loop, task):
    """`task` is suspended or done."""
    if _shared_dict:
        del _current[loop]
    else:
        _leave(loop, task)


def enter_on_ours(state, task):
    """`task` runs from here on, on a loop of ours; RuntimeError while another one runs.

    Nobody leaves when its step is over: mostly a task follows a task, and takes its place. Whoever lets other code
    run calls `leave_on_ours` first. In the shared dictionary the task stands once somebody asks, see `tell_running`.
    """
    if _shared_dict:
        if not state._listed and _current.get(state) is not None:
            enter_task(state, task)  # refuses
        state._entered = task
        if state._hash_replaced:
            tell_running(state)
    else:
        if state._listed:
            _swap(state, task)
        else:
            _enter(state, task)
        state._entered = task
    state._listed = True


def end_on_ours(state):
    """The running task has ended. Its place stays, empty, for the one that follows."""
    state._entered = None
    if not _shared_dict:
        _swap(state, None)
    elif state._told is not None:
        tell_running(state)


def leave_on_ours(state):
    """No task of this loop runs."""
    if not state._listed:
        return 0
    state._listed = False
    end_on_ours(state)


def tell_running(state):
    """Write into the shared dictionary which task runs.

    The loop is its key there: who looks for a loop's running task asks for the loop's hash first, which calls this.
    So few ask that to write it down in each step would cost more than the rest of a step's book-keeping.
    """
    running = state._entered
    if running is state._told or not _shared_dict:
        return 0
    state._told = running  # first, for the dictionary asks for the hash, too
    if running is None:
        _current.pop(state, None)
    else:
        _current[state] = running


def swap_task(loop, task):
    """Make `task` (or None) the current one of `loop`; gives the one before."""
    before = asyncio.current_task(loop)
    if before is not None:
        leave_task(loop, before)
    if task is not None:
        enter_task(loop, task)
    return before
