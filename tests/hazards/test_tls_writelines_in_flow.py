"""A protocol writes in pause_writing(), in the middle of a writelines() over TLS: the pieces stay together."""

import asyncio

import pytest
from helpers.running import on_loop
from helpers.streams import Recorder, connected_sockets, small_buffers
from helpers.tls import HOST, client_context, server_context


class Chatty(Recorder):
    def pause_writing(self):
        super().pause_writing()
        self.transport.write(b"!")


@pytest.mark.tulipa_only  # the standard loop does not count what the transport below has not sent
@on_loop
async def test_pieces_stay_together(loop):
    one, other = connected_sockets("unix")
    small_buffers(one, other)
    (transport, chatty), (reading, receiver) = await asyncio.gather(
        loop.create_connection(Chatty, sock=one, ssl=client_context(), server_hostname=HOST),
        loop.connect_accepted_socket(Recorder, other, ssl=server_context()),
    )
    reading.pause_reading()
    transport.set_write_buffer_limits(high=1 << 30)
    before = b"x" * 1_000_000
    transport.write(before)
    full = transport.get_write_buffer_size()
    assert full > 500_000
    transport.set_write_buffer_limits(high=full + 4)
    transport.writelines([b"one", bytearray(b"two"), b"", memoryview(b"three")])
    assert chatty.events == ["made", "pause"]
    reading.resume_reading()
    assert (await receiver.received(len(before) + 12))[-12:] == b"onetwothree!"
    transport.close()
    assert await receiver.lost() is None
