import sys
from asyncio.tasks import ALL_COMPLETED as ALL_COMPLETED
from asyncio.tasks import FIRST_COMPLETED as FIRST_COMPLETED
from asyncio.tasks import FIRST_EXCEPTION as FIRST_EXCEPTION
from asyncio.tasks import Task as Task
from asyncio.tasks import _enter_task as _enter_task
from asyncio.tasks import _leave_task as _leave_task
from asyncio.tasks import _register_task as _register_task
from asyncio.tasks import _unregister_task as _unregister_task
from asyncio.tasks import all_tasks as all_tasks
from asyncio.tasks import current_task as current_task
from asyncio.tasks import ensure_future as ensure_future
from asyncio.tasks import gather as gather
from asyncio.tasks import run_coroutine_threadsafe as run_coroutine_threadsafe
from asyncio.tasks import shield as shield
from asyncio.tasks import wait as wait
from asyncio.tasks import wait_for as wait_for

from tulipa import create_eager_task_factory as create_eager_task_factory
from tulipa import eager_task_factory as eager_task_factory
from tulipa import sleep as sleep

if sys.version_info >= (3, 13):
    from asyncio.tasks import as_completed as as_completed
else:
    from collections.abc import AsyncIterator, Awaitable, Coroutine, Iterable, Iterator
    from typing import Any, Protocol, TypeVar, type_check_only

    from tulipa.asyncio.futures import Future

    _R = TypeVar("_R")

    @type_check_only
    class _BothIterators(Iterator[Coroutine[Any, Any, _R]], AsyncIterator[Future[_R]], Protocol[_R]): ...

    def as_completed(fs: Iterable[Awaitable[_R]], *, timeout: float | None = None) -> _BothIterators[_R]: ...

if sys.version_info >= (3, 14):
    from asyncio.tasks import create_task as create_task
else:
    from collections.abc import Coroutine, Generator
    from contextvars import Context
    from typing import Any, TypeVar

    _T = TypeVar("_T")

    def create_task(
        coro: Generator[Any, None, _T] | Coroutine[Any, Any, _T],
        *,
        name: str | None = None,
        context: Context | None = None,
        eager_start: bool | None = None,
    ) -> Task[_T]: ...

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
