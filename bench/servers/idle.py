"""The echo of `protocol`, where each connection also has ten timers that are far away."""

import asyncio

from . import BACKLOG, HOST, protocol

TIMERS = 10
FAR = 3600.0                                       # seconds


class Echo(protocol.Echo):
    def connection_made(self, transport):
        super().connection_made(transport)
        loop = asyncio.get_running_loop()
        self.timers = [loop.call_later(FAR + i, transport.abort) for i in range(TIMERS)]

    def connection_lost(self, error):
        for timer in self.timers:
            timer.cancel()


async def start() -> int:
    server = await asyncio.get_running_loop().create_server(Echo, HOST, 0, backlog=BACKLOG)
    return server.sockets[0].getsockname()[1]
