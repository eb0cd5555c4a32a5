"""The event loop and its servers."""

from tulipa._ops.running import _run_until_complete_cb  # noqa: F401  # nest_asyncio and others look for it
from tulipa._ops.serve import Server
from tulipa.loop import EventLoop as BaseEventLoop

__all__ = ("BaseEventLoop", "Server")
