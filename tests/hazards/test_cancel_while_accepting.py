"""Whoever waits for a connection gives up while one arrives: the next one who asks gets it."""

import asyncio
import socket

import pytest
from helpers.running import on_loop, turns
from helpers.streams import LOOPBACK, nothing_left


@on_loop
async def test_whoever_asks_next_gets_the_connection(loop):
    with socket.create_server((LOOPBACK, 0)) as listener:
        listener.setblocking(False)
        for _ in range(5):
            async with nothing_left(loop):
                accepting = loop.create_task(loop.sock_accept(listener))
                await turns(2)
                with socket.create_connection(listener.getsockname()) as client:
                    accepting.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await accepting
                    conn, peername = await loop.sock_accept(listener)
                    with conn:
                        assert peername == client.getsockname()


@on_loop
async def test_several_connections_wait_for_the_next_one(loop):
    with socket.create_server((LOOPBACK, 0)) as listener:
        listener.setblocking(False)
        async with nothing_left(loop):
            accepting = loop.create_task(loop.sock_accept(listener))
            await turns(2)
            clients = [socket.create_connection(listener.getsockname()) for _ in range(5)]
            accepting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await accepting
            for client in clients:
                conn, peername = await loop.sock_accept(listener)
                assert peername == client.getsockname()
                conn.close()
                client.close()
