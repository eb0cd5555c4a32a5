"""Futures."""

from asyncio.futures import isfuture

from tulipa._core.futures import Future
from tulipa._highlevel.graph import future_add_to_awaited_by, future_discard_from_awaited_by
from tulipa._highlevel.wrapping import wrap_future

# The standard library has one class in C and one in Python; here they are the same.
_CFuture = _PyFuture = Future

__all__ = (
    "Future",
    "wrap_future",
    "isfuture",
    "future_discard_from_awaited_by",
    "future_add_to_awaited_by",
)
