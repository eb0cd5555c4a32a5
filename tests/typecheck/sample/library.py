"""A library that knows nothing of tulipa: typed with the standard library's asyncio."""

import asyncio
from collections.abc import Awaitable, Callable


async def wait_for_task(task: asyncio.Task[int]) -> int:
    return await task


def name_of(future: asyncio.Future[str]) -> str:
    return future.result()


def run_on(loop: asyncio.AbstractEventLoop, main: Awaitable[int]) -> int:
    return loop.run_until_complete(main)


async def drain(queue: asyncio.Queue[int]) -> list[int]:
    return [await queue.get() for _ in range(queue.qsize())]


async def spawn(group: asyncio.TaskGroup) -> asyncio.Task[int]:
    return group.create_task(answer())


async def answer() -> int:
    return 42


async def first_line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    writer.close()
    return await reader.readline()


def with_lock(lock: asyncio.Lock, event: asyncio.Event, semaphore: asyncio.Semaphore) -> bool:
    return lock.locked() or event.is_set() or semaphore.locked()


def make_loop(factory: Callable[[], asyncio.AbstractEventLoop]) -> asyncio.AbstractEventLoop:
    return factory()


def start() -> asyncio.Task[int]:
    return asyncio.get_running_loop().create_task(answer())


def running_loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


class Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport


def fail() -> None:
    raise asyncio.QueueEmpty
