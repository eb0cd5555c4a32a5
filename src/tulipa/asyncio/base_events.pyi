from asyncio.base_events import Server as Server
from typing import Any

from tulipa import EventLoop
from tulipa.asyncio.futures import Future

__all__ = ("BaseEventLoop", "Server")

BaseEventLoop = EventLoop

def _run_until_complete_cb(future: Future[Any]) -> None: ...
