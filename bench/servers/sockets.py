"""Echo over the loop's low-level socket calls: sock_accept, sock_recv, sock_sendall."""

import asyncio
import socket

from . import BACKLOG, HOST, READ_SIZE

_tasks: set[asyncio.Task] = set()                 # loops hold tasks weakly


def spawn(coroutine) -> None:
    task = asyncio.get_running_loop().create_task(coroutine)
    _tasks.add(task)
    task.add_done_callback(finished)


def finished(task) -> None:
    _tasks.discard(task)
    if not task.cancelled() and task.exception() is not None:
        task.get_loop().call_exception_handler(
            {"message": "the server's task failed", "exception": task.exception()})


async def echo(connection):
    loop = asyncio.get_running_loop()
    with connection:
        while data := await loop.sock_recv(connection, READ_SIZE):
            await loop.sock_sendall(connection, data)


async def accept(listener):
    loop = asyncio.get_running_loop()
    while True:
        connection, _ = await loop.sock_accept(listener)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        spawn(echo(connection))


async def start() -> int:
    listener = socket.create_server((HOST, 0), backlog=BACKLOG)
    listener.setblocking(False)
    spawn(accept(listener))
    return listener.getsockname()[1]
