"""Giving a descriptor back reports an error, too late for connection_lost(): it is told once all the same."""

import pytest
from helpers.faults import Script
from helpers.running import on_loop
from helpers.streams import Factory, Recorder, address, connected_sockets, nothing_left


def the_only_error(loop_errors):
    (context,) = loop_errors
    loop_errors.clear()
    return context["exception"]


@pytest.mark.parametrize("way_out", ["close", "abort"])
@on_loop
async def test_reported_after_connection_lost(loop, injected, loop_errors, way_out):
    async with nothing_left(loop):
        ours, peer = connected_sockets()
        with peer:
            script = Script(close="EIO")
            injected.scripts.append(script)
            transport, protocol = await loop.create_connection(Recorder, sock=ours)
            getattr(transport, way_out)()
            assert await protocol.lost() is None
    assert the_only_error(loop_errors) is script.raised[0][0]
    assert protocol.events == ["made", "lost"]
    assert transport.get_protocol() is None


@on_loop
async def test_server_is_over_nevertheless(loop, injected, loop_errors):
    accepted = Factory()
    async with nothing_left(loop):
        server = await loop.create_server(accepted, "127.0.0.1", 0)
        injected.scripts.extend([Script(), Script(close="EIO")])
        transport, protocol = await loop.create_connection(Recorder, *address(server))
        await accepted.connected()
        server.close()
        server.close_clients()
        await server.wait_closed()
        await protocol.lost()
    the_only_error(loop_errors)
