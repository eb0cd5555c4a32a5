"""A program that is to type-check: its one changed line is the import."""

import socket
import ssl
from asyncio import AbstractEventLoop as StandardLoop
from asyncio import CancelledError as StandardCancelledError
from collections.abc import AsyncIterator, Coroutine
from contextvars import Context
from typing import Any, assert_type

import library

import tulipa.asyncio.queues
from tulipa import asyncio
from tulipa.asyncio import events, subprocess, tasks
from tulipa.asyncio.exceptions import IncompleteReadError
from tulipa.asyncio.streams import StreamReader, StreamWriter


async def number() -> int:
    return 1


async def text() -> str:
    return ""


async def numbers() -> AsyncIterator[int]:
    yield 1


async def waiting() -> None:
    assert_type(await asyncio.gather(number(), text()), tuple[int, str])
    assert_type(await asyncio.gather(*[number(), number()]), list[int])
    assert_type(
        await asyncio.gather(number(), text(), return_exceptions=True), tuple[int | BaseException, str | BaseException]
    )
    assert_type(await asyncio.wait_for(text(), 1.5), str)
    assert_type(await asyncio.wait_for(text(), None), str)
    assert_type(await asyncio.shield(number()), int)
    assert_type(await asyncio.sleep(0), None)
    assert_type(await asyncio.sleep(1, "done"), str)
    assert_type(await asyncio.to_thread(len, "abc"), int)
    task = asyncio.create_task(number(), name="one", eager_start=True)
    assert_type(task, asyncio.Task[int])
    done, pending = await asyncio.wait({task}, timeout=1, return_when=asyncio.FIRST_COMPLETED)
    assert_type(done, set[asyncio.Task[int]])
    assert_type(pending, set[asyncio.Task[int]])
    async for future in asyncio.as_completed([number(), number()], timeout=2):
        assert_type(future, asyncio.Future[int])
    for coroutine in asyncio.as_completed([number()]):
        assert_type(await coroutine, int)
    assert_type(asyncio.current_task(), asyncio.Task[Any] | None)
    assert_type(asyncio.all_tasks(), set[asyncio.Task[Any]])
    assert_type(asyncio.ensure_future(number()), asyncio.Task[int])


async def groups() -> None:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(number(), context=Context())
        assert_type(task, asyncio.Task[int])
        assert_type(await task, int)
        group.cancel()
    async with asyncio.timeout(3) as limit:
        assert_type(limit, asyncio.Timeout)
        assert_type(limit.when(), float | None)
    async with asyncio.timeout_at(3.0):
        pass


async def queues_and_locks() -> None:
    queue: asyncio.Queue[int] = asyncio.Queue(3)
    await queue.put(1)
    assert_type(await queue.get(), int)
    assert_type(queue.get_nowait(), int)
    queue.shutdown(immediate=True)
    heap = asyncio.PriorityQueue[tuple[int, str]]()
    heap.shutdown()
    assert_type(heap.get_nowait(), tuple[int, str])
    try:
        queue.put_nowait(1)
    except (asyncio.QueueShutDown, asyncio.QueueFull) as error:
        assert_type(error, asyncio.QueueShutDown | asyncio.QueueFull)
    pile: tulipa.asyncio.queues.LifoQueue[str] = asyncio.LifoQueue()
    assert_type(await pile.get(), str)
    async with asyncio.Lock(), asyncio.Condition() as nothing, asyncio.BoundedSemaphore(2):
        assert_type(nothing, None)
    barrier = asyncio.Barrier(2)
    assert_type(await barrier.wait(), int)
    event = asyncio.Event()
    assert_type(event.is_set(), bool)


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    assert_type(await reader.read(10), bytes)
    assert_type(await reader.readuntil(b"\r\n"), bytes)
    async for line in reader:
        assert_type(line, bytes)
    writer.write(b"")
    await writer.drain()
    await writer.start_tls(ssl.create_default_context())
    writer.close()
    await writer.wait_closed()


async def streams() -> None:
    server = await asyncio.start_server(serve, "localhost", 0)
    assert_type(server.sockets[0].getsockname(), Any)
    server.close_clients()
    named: asyncio.Server = await asyncio.start_unix_server(serve, "program.socket")
    async with named:
        await named.serve_forever()
    reader, writer = await asyncio.open_connection("localhost", 80, limit=1000, ssl=True)
    assert_type(reader, StreamReader)
    assert_type(writer, StreamWriter)
    try:
        await reader.readexactly(3)
    except IncompleteReadError as error:
        assert_type(error.partial, bytes)


async def children() -> None:
    process = await asyncio.create_subprocess_exec("true", stdout=asyncio.subprocess.PIPE)
    assert_type(process, subprocess.Process)
    assert_type(await process.wait(), int)
    assert_type(await process.communicate(b""), tuple[bytes, bytes])
    assert_type(process.stdout, asyncio.StreamReader | None)


class Lines(asyncio.Protocol):
    def data_received(self, data: bytes) -> None:
        print(data)


async def loops() -> None:
    loop = asyncio.get_running_loop()
    assert_type(loop, asyncio.AbstractEventLoop)
    assert_type(loop, StandardLoop)
    transport, protocol = await loop.create_connection(Lines, "localhost", 80)
    assert_type(transport, asyncio.Transport)
    assert_type(protocol, Lines)
    future: asyncio.Future[str] = loop.create_future()
    future.add_done_callback(lambda done: done.result())
    assert_type(await future, str)
    handle: asyncio.Handle = loop.call_soon(print, "x")
    timer: asyncio.TimerHandle = loop.call_later(1, handle.cancel)
    timer.cancel()
    server: asyncio.Server = await loop.create_server(Lines, "localhost", 0)
    server.close()
    assert_type(await loop.run_in_executor(None, len, "abc"), int)
    assert_type(events.get_running_loop(), asyncio.AbstractEventLoop)
    assert_type(await loop.sock_recv(socket.socket(), 10), bytes)


async def newer() -> None:
    loop = asyncio.get_running_loop()
    loop.set_task_factory(asyncio.eager_task_factory)
    loop.set_task_factory(asyncio.create_eager_task_factory(asyncio.Task))
    graph = asyncio.capture_call_graph()
    if graph is not None:
        assert_type(graph.call_stack, tuple[asyncio.FrameCallGraphEntry, ...])
        assert_type(graph.awaited_by, tuple[asyncio.FutureCallGraph, ...])
    assert_type(asyncio.format_call_graph(limit=3), str)
    asyncio.print_call_graph(depth=2)
    waiter = tasks.create_task(number())
    asyncio.future_add_to_awaited_by(loop.create_future(), waiter)
    asyncio.future_discard_from_awaited_by(loop.create_future(), waiter)


async def with_a_library() -> None:
    assert_type(await library.wait_for_task(asyncio.create_task(number())), int)
    assert_type(library.name_of(asyncio.get_running_loop().create_future()), str)
    mine: asyncio.Queue[int] = asyncio.Queue()
    assert_type(await library.drain(mine), list[int])
    async with asyncio.TaskGroup() as group:
        theirs: asyncio.Task[int] = await library.spawn(group)
    theirs = library.start()
    loop: asyncio.AbstractEventLoop = library.running_loop()
    await loop.create_connection(library.Echo, "localhost", 80)
    await library.first_line(*await asyncio.open_connection("localhost", 80))
    library.with_lock(asyncio.Lock(), asyncio.Event(), asyncio.BoundedSemaphore())
    library.make_loop(asyncio.new_event_loop)
    library.make_loop(asyncio.EventLoop)
    try:
        await asyncio.gather(theirs, library.answer())
    except asyncio.CancelledError as error:
        assert_type(error, StandardCancelledError)
    except (asyncio.InvalidStateError, asyncio.TimeoutError):
        library.fail()


def main() -> Coroutine[Any, Any, int]:
    return number()


assert_type(asyncio.run(main()), int)
assert_type(asyncio.run(main(), debug=True, loop_factory=asyncio.EventLoop), int)
with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
    assert_type(runner.run(text(), context=Context()), str)
    assert_type(runner.get_loop(), asyncio.AbstractEventLoop)
assert_type(asyncio.iscoroutine(main()), bool)
