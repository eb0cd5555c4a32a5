"""A connection closes the server that accepted it, in each of its callbacks, with more of them in the queue."""

import socket

import pytest
from helpers.running import on_loop
from helpers.streams import LOOPBACK, Factory, Recorder, address, nothing_left


@pytest.mark.tulipa_only  # the standard loop's server fails an assertion for those accepted in the same turn
@pytest.mark.parametrize("moment", ["factory", "made", "data", "lost"])
@on_loop
async def test_closing_the_server(loop, moment):
    class Closing(Recorder):
        def __init__(self):
            super().__init__()
            if moment == "factory":
                server.close()

        def note(self, event):
            super().note(event)
            if event == moment:
                server.close()

    async with nothing_left(loop):
        accepted = Factory(Closing)
        server = await loop.create_server(accepted, LOOPBACK, 0)
        where = address(server)
        clients = [socket.create_connection(where) for _ in range(5)]
        clients[0].send(b"data")
        clients[0].close()
        await accepted.connected()
        await accepted.made[0].lost()
        assert not server.is_serving()
        for client in clients[1:]:
            client.close()
        await server.wait_closed()
        for protocol in accepted.made:
            assert protocol.events[-1:] == ["lost"]
            assert protocol.events.count("made") == protocol.events.count("lost") == 1
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(where)
