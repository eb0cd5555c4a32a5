"""Echo as asyncio.BufferedProtocol: the loop reads into the protocol's own buffer."""

import asyncio

from . import BACKLOG, HOST, READ_SIZE


class Echo(asyncio.BufferedProtocol):
    def connection_made(self, transport):
        self.transport = transport
        self.buffer = bytearray(READ_SIZE)
        self.view = memoryview(self.buffer)

    def get_buffer(self, size_hint):
        return self.buffer

    def buffer_updated(self, count):
        # A copy: the transport may keep what it can't send at once, and the buffer is filled again.
        self.transport.write(bytes(self.view[:count]))


async def start() -> int:
    server = await asyncio.get_running_loop().create_server(Echo, HOST, 0, backlog=BACKLOG)
    return server.sockets[0].getsockname()[1]
