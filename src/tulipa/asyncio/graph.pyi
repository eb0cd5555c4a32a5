import sys

if sys.version_info >= (3, 14):
    from asyncio.graph import FrameCallGraphEntry as FrameCallGraphEntry
    from asyncio.graph import FutureCallGraph as FutureCallGraph
    from asyncio.graph import capture_call_graph as capture_call_graph
    from asyncio.graph import format_call_graph as format_call_graph
    from asyncio.graph import print_call_graph as print_call_graph
else:
    from asyncio import Future
    from types import FrameType
    from typing import Any, NamedTuple

    from _typeshed import SupportsWrite

    class FrameCallGraphEntry(NamedTuple):
        frame: FrameType

    class FutureCallGraph(NamedTuple):
        future: Future[Any]
        call_stack: tuple[FrameCallGraphEntry, ...]
        awaited_by: tuple[FutureCallGraph, ...]

    def capture_call_graph(
        future: Future[Any] | None = None, /, *, depth: int = 1, limit: int | None = None
    ) -> FutureCallGraph | None: ...
    def format_call_graph(
        future: Future[Any] | None = None, /, *, depth: int = 1, limit: int | None = None
    ) -> str: ...
    def print_call_graph(
        future: Future[Any] | None = None,
        /,
        *,
        file: SupportsWrite[str] | None = None,
        depth: int = 1,
        limit: int | None = None,
    ) -> None: ...

__all__ = (
    "capture_call_graph",
    "format_call_graph",
    "print_call_graph",
    "FrameCallGraphEntry",
    "FutureCallGraph",
)
