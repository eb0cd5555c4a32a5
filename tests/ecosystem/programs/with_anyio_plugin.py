"""anyio's pytest plugin: tests and fixtures on one loop, task groups held open by a fixture, failures."""

import asyncio
import contextvars

import anyio
import pytest
from support import LARGE, LOOPBACK, MODE, check_classes

pytestmark = pytest.mark.anyio
colour = contextvars.ContextVar("colour", default="none")
loops = set()


@pytest.fixture(scope="module")
def anyio_backend():
    if MODE == "loop":
        import tulipa

        return "asyncio", {"loop_factory": tulipa.EventLoop}
    return "asyncio"


async def echo(stream):
    async with stream:
        async for piece in stream:
            await stream.send(piece)


@pytest.fixture(scope="module")
async def port():
    check_classes(("anyio",))
    loops.add(asyncio.get_running_loop())
    async with await anyio.create_tcp_listener(local_host=LOOPBACK) as listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, echo)
        yield listener.extra(anyio.abc.SocketAttribute.local_port)
        group.cancel_scope.cancel()


@pytest.fixture
async def stream(port):
    colour.set("red")
    async with await anyio.connect_tcp(LOOPBACK, port) as stream:
        yield stream


@pytest.mark.parametrize("size", [1, 1000, len(LARGE)])
async def test_echo(stream, size):
    check_classes(("anyio",))
    loops.add(asyncio.get_running_loop())
    assert len(loops) == 1 and colour.get() == "red"
    received = bytearray()
    async with anyio.create_task_group() as group:
        group.start_soon(stream.send, LARGE[:size])
        while len(received) < size:
            received += await stream.receive()
    assert received == LARGE[:size]


async def test_time_limit():
    with pytest.raises(TimeoutError), anyio.fail_after(0.01):
        await anyio.sleep_forever()


@pytest.mark.xfail(raises=ValueError, strict=True)
async def test_failure_is_told():
    await anyio.sleep(0)
    raise ValueError("tulip")
