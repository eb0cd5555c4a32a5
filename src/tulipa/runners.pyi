import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import TypeVar

_T = TypeVar("_T")

class Runner(asyncio.Runner):  # type: ignore[misc]  # it is final only in asyncio
    def __init__(
        self, *, debug: bool | None = None, loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    ) -> None: ...
    def run(self, coro: Awaitable[_T], *, context: Context | None = None) -> _T: ...

def run(
    main: Awaitable[_T],
    *,
    debug: bool | None = None,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> _T: ...
