# What asyncio of the running Python has under the same name is the same type here, so that objects of both mix. Where
# a class of ours can more than that Python's, it is a subclass with the rest.
import asyncio as _asyncio  # `asyncio` is our own package
import sys
from asyncio import Future as Future
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from typing import Any, TypeVar, overload

from tulipa.loop import EventLoop as EventLoop
from tulipa.loop import new_event_loop as new_event_loop
from tulipa.policy import EventLoopPolicy as EventLoopPolicy
from tulipa.runners import run as run

if sys.version_info >= (3, 13):
    from asyncio import Server as Server
else:
    class Server(_asyncio.Server):
        def close_clients(self) -> None: ...
        def abort_clients(self) -> None: ...

if sys.version_info >= (3, 12):
    from asyncio import Handle as Handle
    from asyncio import Task as Task
    from asyncio import TimerHandle as TimerHandle
else:
    class Handle(_asyncio.Handle):
        def get_context(self) -> Context: ...

    class TimerHandle(_asyncio.TimerHandle, Handle): ...

    class Task(_asyncio.Task[_T_co]):
        def __init__(
            self,
            coro: Generator[Any, None, _T_co] | Coroutine[Any, Any, _T_co],
            *,
            loop: _asyncio.AbstractEventLoop | None = None,
            name: str | None = None,
            context: Context | None = None,
            eager_start: bool = False,
        ) -> None: ...
        def get_context(self) -> Context: ...

__all__ = (
    "EventLoop",
    "EventLoopPolicy",
    "Future",
    "Handle",
    "Server",
    "Task",
    "TimerHandle",
    "__version__",
    "create_eager_task_factory",
    "eager_task_factory",
    "install",
    "is_compiled",
    "new_event_loop",
    "run",
    "sleep",
    "uninstall",
)

__version__: str

_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)
def create_eager_task_factory(
    custom_task_constructor: Callable[..., _asyncio.Task[Any]],
) -> Callable[..., _asyncio.Task[Any]]: ...
def eager_task_factory(
    loop: _asyncio.AbstractEventLoop | None,
    coro: Generator[Any, None, _T] | Coroutine[Any, Any, _T],
    *,
    name: str | None = None,
    context: Context | None = None,
    eager_start: bool = True,
    **kwargs: Any,
) -> Task[_T]: ...
@overload
def sleep(delay: float) -> Coroutine[Any, Any, None]: ...
@overload
def sleep(delay: float, result: _T) -> Coroutine[Any, Any, _T]: ...
def is_compiled() -> bool: ...
def install() -> None: ...
def uninstall() -> None: ...
