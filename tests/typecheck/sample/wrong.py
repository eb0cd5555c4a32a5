"""What is wrong is to be reported: as the line says (mypy's code, pyright's rule), and no other line."""

import asyncio as standard

import library

import tulipa
from tulipa import asyncio
from tulipa.asyncio import queues
from tulipa.testing import Faults


async def number() -> int:
    return 1


def not_a_coroutine() -> int:
    return 1


def takes_text(queue: standard.Queue[str]) -> None:
    print(queue)


async def wrong_uses() -> None:
    task: asyncio.Task[str] = asyncio.create_task(number())  # arg-type, reportAssignmentType
    await library.wait_for_task(asyncio.create_task(asyncio.sleep(0)))  # arg-type, reportArgumentType
    asyncio.create_task(not_a_coroutine())  # arg-type, reportArgumentType
    asyncio.create_task(number(), eager="yes")  # call-arg, reportCallIssue
    await asyncio.sleep("1")  # call-overload, reportArgumentType
    await asyncio.wait_for(number())  # call-arg, reportCallIssue
    await asyncio.gather(1, 2)  # call-overload, reportCallIssue
    text: str = await asyncio.wait_for(number(), 1)  # arg-type, reportAssignmentType
    queue: asyncio.Queue[int] = asyncio.Queue()
    await queue.put("text")  # arg-type, reportArgumentType
    queue.shutdown("now")  # arg-type, reportArgumentType
    queue.close()  # attr-defined, reportAttributeAccessIssue
    async with asyncio.TaskGroup() as group:
        group.create_task(not_a_coroutine())  # arg-type, reportArgumentType
        group.cancel(1)  # call-arg, reportCallIssue
    asyncio.nonsense()  # attr-defined, reportAttributeAccessIssue
    asyncio.format_call_graph(1)  # arg-type, reportArgumentType
    asyncio.future_add_to_awaited_by(task, text)  # arg-type, reportArgumentType
    asyncio.sleep(1)  # unused-coroutine, reportUnusedCoroutine
    async with asyncio.timeout("1"):  # arg-type, reportArgumentType
        pass
    loop: tulipa.EventLoop = asyncio.get_running_loop()  # assignment, reportAssignmentType
    loop.call_soon(number, 1)  # arg-type, reportArgumentType
    loop.call_later("1", print)  # arg-type, reportArgumentType
    loop.create_task(not_a_coroutine())  # arg-type, reportArgumentType
    await loop.create_connection(asyncio.Protocol, "localhost", 80, sock=1)  # call-overload, reportCallIssue
    queues.Nonsense  # attr-defined, reportAttributeAccessIssue
    takes_text(queue)  # arg-type, reportArgumentType


asyncio.run(not_a_coroutine())  # arg-type, reportArgumentType
asyncio.run(number(), loop_factory=number)  # arg-type, reportArgumentType
tulipa.run(not_a_coroutine())  # arg-type, reportArgumentType
tulipa.run(number(), loop_factory=tulipa.EventLoopPolicy)  # arg-type, reportArgumentType
tulipa.EventLoop(driver=3)  # arg-type, reportArgumentType
tulipa.EventLoop(wrap_endpoint=Faults)  # arg-type, reportArgumentType
tulipa.EventLoop().driver_name = "epoll"  # misc, reportAttributeAccessIssue
tulipa.install(1)  # call-arg, reportCallIssue
tulipa.nonsense  # attr-defined, reportAttributeAccessIssue
Faults(shorter=0.5)  # call-arg, reportCallIssue
