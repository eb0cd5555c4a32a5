"""Handshakes and connections by the hundred leave no object and no memory behind."""

import asyncio
import gc
import os

import pytest
from helpers.running import on_loop
from helpers.streams import Echo, Recorder, collect_garbage, connected_sockets
from helpers.tls import HOST, client_context, server_context

pytestmark = [pytest.mark.usefixtures("use_tls_engine"), pytest.mark.tulipa_only]

STATM = "/proc/self/statm"
MANY = 300
# An SSL alone takes about 10 KiB, and more while it works; the allocator keeps some for itself.
MOST_GROWTH = 2 * 1024 * 1024


def resident():
    with open(STATM) as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def talk(loop, contexts, abort):
    ours, theirs = connected_sockets("unix")
    client, server = Recorder(), Echo()
    (transport, _), _ = await asyncio.gather(
        loop.create_connection(lambda: client, sock=ours, ssl=contexts[0], server_hostname=HOST),
        loop.connect_accepted_socket(lambda: server, theirs, ssl=contexts[1]),
    )
    transport.write(b"data")
    await client.received(4)
    if abort:
        transport.abort()
    else:
        transport.close()
    await client.lost()
    await server.lost()


@pytest.mark.skipif(not os.path.exists(STATM), reason="this system does not tell how much memory is resident")
@on_loop
async def test_many_connections(loop):
    contexts = client_context(), server_context()
    for number in range(MANY // 3):
        await talk(loop, contexts, number % 2)
    collect_garbage()
    objects, memory = len(gc.get_objects()), resident()
    for number in range(MANY):
        await talk(loop, contexts, number % 2)
    collect_garbage()
    assert len(gc.get_objects()) - objects < MANY // 10
    assert resident() - memory < MOST_GROWTH


@on_loop
async def test_failed_handshakes(loop):
    contexts = client_context(), server_context()
    objects = 0
    for number in range(90):
        if number == 30:
            collect_garbage()
            objects = len(gc.get_objects())
        ours, theirs = connected_sockets("unix")
        results = await asyncio.gather(
            loop.create_connection(Recorder, sock=ours, ssl=contexts[0], server_hostname="wrong.example"),
            loop.connect_accepted_socket(Recorder, theirs, ssl=contexts[1]),
            return_exceptions=True,
        )
        if not isinstance(results[1], BaseException):
            await results[1][1].lost()
        results = None
    await asyncio.sleep(0)
    collect_garbage()
    assert len(gc.get_objects()) - objects < 10
