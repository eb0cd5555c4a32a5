import sys
from asyncio.streams import FlowControlMixin as FlowControlMixin
from asyncio.streams import StreamReader as StreamReader
from asyncio.streams import StreamReaderProtocol as StreamReaderProtocol
from asyncio.streams import StreamWriter as StreamWriter
from asyncio.streams import open_connection as open_connection
from asyncio.streams import open_unix_connection as open_unix_connection

if sys.version_info >= (3, 13):
    from asyncio.streams import start_server as start_server
    from asyncio.streams import start_unix_server as start_unix_server
else:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import Any

    from _typeshed import StrPath

    from tulipa import Server

    async def start_server(
        client_connected_cb: Callable[[StreamReader, StreamWriter], Awaitable[None] | None],
        host: str | Sequence[str] | None = None,
        port: int | str | None = None,
        *,
        limit: int = 65536,
        **kwds: Any,
    ) -> Server: ...
    async def start_unix_server(
        client_connected_cb: Callable[[StreamReader, StreamWriter], Awaitable[None] | None],
        path: StrPath | None = None,
        *,
        limit: int = 65536,
        **kwds: Any,
    ) -> Server: ...

__all__ = (
    "StreamReader",
    "StreamWriter",
    "StreamReaderProtocol",
    "open_connection",
    "start_server",
    "open_unix_connection",
    "start_unix_server",
)
