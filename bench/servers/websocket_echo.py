"""WebSocket echo by the package websockets, without compression."""

from websockets.asyncio.server import serve

from . import BACKLOG, HOST


async def echo(connection):
    async for message in connection:
        await connection.send(message)


async def start() -> int:
    server = await serve(echo, HOST, 0, backlog=BACKLOG, compression=None)
    return server.sockets[0].getsockname()[1]
