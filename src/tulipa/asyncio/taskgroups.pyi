import sys

if sys.version_info >= (3, 15):
    from asyncio.taskgroups import TaskGroup as TaskGroup
else:
    from asyncio import Task, taskgroups
    from collections.abc import Coroutine, Generator
    from contextvars import Context
    from typing import Any, TypeVar

    _T = TypeVar("_T")

    class TaskGroup(taskgroups.TaskGroup):
        def cancel(self) -> None: ...
        def create_task(
            self,
            coro: Generator[Any, None, _T] | Coroutine[Any, Any, _T],
            *,
            name: str | None = None,
            context: Context | None = None,
            eager_start: bool | None = None,
        ) -> Task[_T]: ...

__all__ = ("TaskGroup",)
