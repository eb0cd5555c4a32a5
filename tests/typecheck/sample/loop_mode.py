"""A program that is to type-check: the standard library's asyncio on tulipa's loop."""

import asyncio
import selectors
from contextvars import Context
from typing import Any, assert_type

import library

import tulipa
from tulipa.testing import Faults, FaultyDriver


async def number() -> int:
    await tulipa.sleep(0.5)
    assert_type(await tulipa.sleep(0, "done"), str)
    return 1


async def on_our_loop(loop: tulipa.EventLoop) -> None:
    task = loop.create_task(number(), name="one", eager_start=True)
    assert_type(task, tulipa.Task[int])
    assert_type(task.get_context(), Context)
    assert_type(await task, int)
    theirs: asyncio.Task[int] = task
    assert_type(await library.wait_for_task(theirs), int)
    handle = loop.call_soon(print, "x", context=Context())
    assert_type(handle, tulipa.Handle)
    assert_type(handle.get_context(), Context)
    assert_type(loop.call_at(loop.time() + 1, handle.cancel).when(), float)
    future: tulipa.Future[str] = loop.create_future()
    plain: asyncio.Future[str] = future
    assert_type(library.name_of(plain), str)
    server = await loop.create_server(asyncio.Protocol, "localhost", "http", keep_alive=True)
    assert_type(server, tulipa.Server)
    server.abort_clients()
    same: asyncio.Server = await loop.create_unix_server(asyncio.Protocol, "program.socket", cleanup_socket=False)
    same.close()
    transport, protocol = await loop.create_connection(library.Echo, "localhost", 80, all_errors=True)
    assert_type(protocol, library.Echo)
    assert_type(await loop.start_tls(transport, protocol, object_of_ssl()), asyncio.Transport)
    assert_type(await loop.run_in_executor(None, len, "abc"), int)
    await loop.shutdown_default_executor(timeout=3)
    loop.set_exception_handler(lambda loop, context: print(loop.time(), context["message"]))
    loop.set_task_factory(tulipa.eager_task_factory)
    loop.set_task_factory(tulipa.create_eager_task_factory(tulipa.Task))
    loop.add_reader(0, print, "readable")
    loop.add_signal_handler(15, loop.stop)


def object_of_ssl() -> Any: ...


assert_type(tulipa.run(number()), int)
assert_type(tulipa.run(number(), debug=True, loop_factory=tulipa.new_event_loop), int)
assert_type(tulipa.new_event_loop(), tulipa.EventLoop)
assert_type(tulipa.EventLoop("epoll").driver_name, str)
tulipa.EventLoop(selectors.DefaultSelector())
tulipa.EventLoop(selector=selectors.DefaultSelector())
tulipa.EventLoop(FaultyDriver("selectors", seed=7, late=0.5), wrap_endpoint=Faults(7, short=0.5, error=0.1))
assert_type(Faults().counts["short"], int)
assert_type(library.run_on(tulipa.EventLoop(), number()), int)
assert_type(library.make_loop(tulipa.EventLoop), asyncio.AbstractEventLoop)
with asyncio.Runner(loop_factory=tulipa.EventLoop) as runner:
    assert_type(runner.run(number()), int)
with asyncio.Runner(loop_factory=tulipa.new_event_loop, debug=True):
    pass
assert_type(tulipa.is_compiled(), bool)
assert_type(tulipa.__version__, str)
tulipa.install()
tulipa.uninstall()
