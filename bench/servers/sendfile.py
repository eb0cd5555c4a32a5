"""Sends a file to each connection by loop.sendfile, without falling back to reading it, and closes."""

import asyncio

from . import BACKLOG, HOST


async def start(path: str) -> int:
    loop = asyncio.get_running_loop()

    async def send(reader, writer):
        with open(path, "rb") as file:
            await loop.sendfile(writer.transport, file, fallback=False)
        writer.close()

    server = await asyncio.start_server(send, HOST, 0, backlog=BACKLOG)
    return server.sockets[0].getsockname()[1]
