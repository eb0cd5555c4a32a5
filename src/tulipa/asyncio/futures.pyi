import sys
from asyncio.futures import Future as Future
from asyncio.futures import isfuture as isfuture
from asyncio.futures import wrap_future as wrap_future
from typing import Any

if sys.version_info >= (3, 14):
    from asyncio.futures import future_add_to_awaited_by as future_add_to_awaited_by
    from asyncio.futures import future_discard_from_awaited_by as future_discard_from_awaited_by
else:
    def future_add_to_awaited_by(fut: Future[Any], waiter: Future[Any], /) -> None: ...
    def future_discard_from_awaited_by(fut: Future[Any], waiter: Future[Any], /) -> None: ...

__all__ = (
    "Future",
    "wrap_future",
    "isfuture",
    "future_discard_from_awaited_by",
    "future_add_to_awaited_by",
)
