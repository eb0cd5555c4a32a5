"""Messages with their length in front, over asyncio's streams: readexactly twice, write, drain; each comes back."""

import asyncio

from . import BACKLOG, HOST

PREFIX = 4


async def answer(reader, writer):
    while True:
        try:
            prefix = await reader.readexactly(PREFIX)
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise
            break
        message = await reader.readexactly(int.from_bytes(prefix))
        writer.writelines((prefix, message))
        await writer.drain()
    writer.close()


async def start() -> int:
    server = await asyncio.start_server(answer, HOST, 0, backlog=BACKLOG)
    return server.sockets[0].getsockname()[1]
