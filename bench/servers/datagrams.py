"""UDP echo: asyncio.DatagramProtocol."""

import asyncio

from . import HOST


class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.transport.sendto(data, addr)


async def start() -> int:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Echo, local_addr=(HOST, 0))
    return transport.get_extra_info("sockname")[1]
