"""A line server over asyncio's streams: readline, write, drain; each line comes back."""

import asyncio

from . import BACKLOG, HOST


async def answer(reader, writer):
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
    writer.close()


async def start() -> int:
    server = await asyncio.start_server(answer, HOST, 0, backlog=BACKLOG)
    return server.sockets[0].getsockname()[1]
