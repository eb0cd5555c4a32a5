"""Echo over asyncio's streams: read, write, drain."""

import asyncio

from . import BACKLOG, HOST, READ_SIZE


async def echo(reader, writer):
    while data := await reader.read(READ_SIZE):
        writer.write(data)
        await writer.drain()
    writer.close()


async def start(ssl=None) -> int:
    server = await asyncio.start_server(echo, HOST, 0, backlog=BACKLOG, ssl=ssl)
    return server.sockets[0].getsockname()[1]
