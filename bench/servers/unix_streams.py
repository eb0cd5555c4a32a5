"""The echo of `streams` over a UNIX socket."""

import asyncio

from . import BACKLOG
from .streams import echo


async def start(address: str) -> str:
    await asyncio.start_unix_server(echo, address.removeprefix("unix:"), backlog=BACKLOG)
    return address
