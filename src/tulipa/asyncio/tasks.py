"""Tasks, and waiting for them."""

# The tables of tasks are shared with the standard library.
from asyncio.tasks import (
    _enter_task,
    _leave_task,
    _register_task,
    _unregister_task,
    all_tasks,
    current_task,
)

from tulipa._core.pause import sleep
from tulipa._core.tasks import Task, create_eager_task_factory, create_task, eager_task_factory
from tulipa._highlevel.gathering import gather, shield
from tulipa._highlevel.threads import run_coroutine_threadsafe
from tulipa._highlevel.waiting import (
    ALL_COMPLETED,
    FIRST_COMPLETED,
    FIRST_EXCEPTION,
    as_completed,
    wait,
    wait_for,
)
from tulipa._highlevel.wrapping import ensure_future

# The standard library has one class in C and one in Python; here they are the same.
_CTask = _PyTask = Task

__all__ = (
    "Task",
    "create_task",
    "FIRST_COMPLETED",
    "FIRST_EXCEPTION",
    "ALL_COMPLETED",
    "wait",
    "wait_for",
    "as_completed",
    "sleep",
    "gather",
    "shield",
    "ensure_future",
    "run_coroutine_threadsafe",
    "current_task",
    "all_tasks",
    "create_eager_task_factory",
    "eager_task_factory",
    "_register_task",
    "_unregister_task",
    "_enter_task",
    "_leave_task",
)
