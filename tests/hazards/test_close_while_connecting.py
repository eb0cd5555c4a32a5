"""The connecting side gives up, or its socket is taken away, before there is a connection."""

import asyncio
import socket

import pytest
from helpers.accounting import watcher_count
from helpers.running import on_loop, turns
from helpers.streams import LOOPBACK, Factory, nothing_left, silent_port


@on_loop
async def test_no_protocol_is_made_for_a_connection_given_up(loop):
    made = Factory()
    with silent_port() as port:
        async with nothing_left(loop):
            connecting = loop.create_task(loop.create_connection(made, LOOPBACK, port))
            await turns(3)
            connecting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await connecting
    assert made.made == []


@on_loop
async def test_socket_closed_under_sock_connect_leaves_no_watcher(loop):
    before = watcher_count(loop)
    with silent_port() as port:
        sock = socket.socket()
        sock.setblocking(False)
        connecting = loop.create_task(loop.sock_connect(sock, (LOOPBACK, port)))
        await turns(3)
        loop.remove_writer(sock)  # the closing side's duty, as for any descriptor that the loop watches
        sock.close()
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
    await turns(2)
    assert watcher_count(loop) == before


def test_loop_closed_while_connecting(loop_factory):
    loop = loop_factory()
    with silent_port() as port:
        sock = socket.socket()
        sock.setblocking(False)
        connecting = loop.create_task(loop.sock_connect(sock, (LOOPBACK, port)))
        loop.run_until_complete(turns(3))
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(connecting)
        loop.close()
        sock.close()
