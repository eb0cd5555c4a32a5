"""Echo as asyncio.Protocol: the loop hands over bytes."""

import asyncio

from . import BACKLOG, HOST


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


async def start(ssl=None) -> int:
    server = await asyncio.get_running_loop().create_server(Echo, HOST, 0, backlog=BACKLOG, ssl=ssl)
    return server.sockets[0].getsockname()[1]
