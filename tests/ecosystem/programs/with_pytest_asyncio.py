"""pytest-asyncio: tests, fixtures of each scope, parameters, failures; a server that all tests of the module share."""

import asyncio
import contextvars

import pytest
import pytest_asyncio
from support import LARGE, LOOPBACK, check_classes

pytestmark = pytest.mark.asyncio(loop_scope="module")
colour = contextvars.ContextVar("colour", default="none")
loops = set()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def server():
    check_classes(("pytest_asyncio",))
    loops.add(asyncio.get_running_loop())

    async def serve(reader, writer):
        while piece := await reader.read(100_000):
            writer.write(piece)
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(serve, LOOPBACK, 0) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def connection(server):
    colour.set("red")
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    yield reader, writer
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("size", [1, 1000, len(LARGE)])
async def test_echo(connection, size):
    check_classes(("pytest_asyncio",))
    loops.add(asyncio.get_running_loop())
    assert len(loops) == 1
    reader, writer = connection
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(reader.readexactly(size))
        writer.write(LARGE[:size])
        await writer.drain()
    assert reading.result() == LARGE[:size]


async def test_fixture_sets_the_context(connection):
    assert colour.get() == "red"


async def test_time_limit():
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await asyncio.Event().wait()


@pytest.mark.asyncio(loop_scope="function")
async def test_on_a_loop_of_its_own():
    check_classes(("pytest_asyncio",))
    assert asyncio.get_running_loop() not in loops


@pytest.mark.xfail(raises=ValueError, strict=True)
async def test_failure_is_told():
    await asyncio.sleep(0)
    raise ValueError("tulip")
