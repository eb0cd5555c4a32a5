"""Our high level over the standard library's tasks and futures, and over ours, in one program."""

import asyncio

import pytest
from helpers.cases import tulipa
from helpers.running import on_loop, turns

if tulipa is None:
    pytest.skip("tulipa is not installed", allow_module_level=True)

pytestmark = [pytest.mark.virtual_too, pytest.mark.ours_only]


@pytest.fixture(params=[asyncio, tulipa], ids=["std tasks", "our tasks"])
def kind(request):
    return request.param


def make_task(kind, loop, coro):
    return kind.Task(coro, loop=loop)


async def give(value, after=1):
    await turns(after)
    return value


async def forever():
    await asyncio.get_running_loop().create_future()


@on_loop
async def test_gather_a_mix(loop, lib):
    ours, theirs = tulipa.Future(loop=loop), asyncio.Future(loop=loop)
    outer = lib.gather(
        ours, theirs, make_task(asyncio, loop, give(1)), make_task(tulipa, loop, give(2)), asyncio.gather(give(3))
    )
    await turns()
    ours.set_result("ours")
    theirs.set_result("theirs")
    assert await outer == ["ours", "theirs", 1, 2, [3]]
    assert await asyncio.gather(lib.gather(give(1)), make_task(tulipa, loop, give(2))) == [[1], 2]
    for kind in (asyncio, tulipa):
        task = make_task(kind, loop, forever())
        outer = lib.gather(task, tulipa.Future(loop=loop))
        await turns(2)
        outer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await outer
        assert task.cancelled()


@on_loop
async def test_a_gathering_awaited_by_each_kind_of_task(loop, lib, kind):
    async def main():
        return await lib.gather(give(1), give(2, 3))

    assert await make_task(kind, loop, main()) == [1, 2]

    async def cancelled():
        await lib.gather(forever(), forever())

    task = make_task(kind, loop, cancelled())
    await turns(2)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled() and asyncio.all_tasks() == {asyncio.current_task()}


@on_loop
async def test_wait_and_as_completed_of_a_mix(loop, lib):
    futures = [
        tulipa.Future(loop=loop), asyncio.Future(loop=loop), make_task(asyncio, loop, give("a")),
        make_task(tulipa, loop, give("b")),
    ]  # fmt: skip
    for future in futures[:2]:
        loop.call_soon(future.set_result, "f")
    assert await lib.wait(futures) == (set(futures), set())
    assert sorted([await next_one for next_one in lib.as_completed(futures)]) == ["a", "b", "f", "f"]
    for future in futures:
        assert await lib.wait_for(lib.shield(future), 10) == future.result()


@on_loop
async def test_groups_in_each_kind_of_task(loop, lib, kind):
    async def fail():
        await turns()
        raise KeyError

    async def main():
        with pytest.raises(ExceptionGroup):
            async with lib.TaskGroup() as group:
                group.create_task(fail())
                await forever()
        async with lib.TaskGroup() as group:
            group.cancel()
            await forever()
        async with lib.TaskGroup() as group:
            group.cancel()
        await turns(2)
        return asyncio.current_task().cancelling()

    assert await make_task(kind, loop, main()) == 0


@on_loop
async def test_timeouts_in_each_kind_of_task(loop, lib, kind):
    async def main():
        with pytest.raises(TimeoutError):
            async with lib.timeout(0.001):
                await forever()
        with pytest.raises(TimeoutError):
            await lib.wait_for(forever(), 0)
        async with asyncio.timeout(1000), lib.timeout(1000):
            await turns()
        await turns()
        return "done"

    assert await make_task(kind, loop, main()) == "done"


@on_loop
async def test_locks_and_queues_shared_by_both_kinds_of_tasks(loop, lib):
    lock, queue, order = lib.Lock(), lib.Queue(1), []

    async def work(name):
        async with lock:
            order.append(name)
            await queue.put(name)

    tasks = [make_task(kind, loop, work((kind.__name__, number))) for number in range(3) for kind in (asyncio, tulipa)]
    got = [await queue.get() for _ in tasks]
    await lib.gather(*tasks)
    assert got == order == [(kind.__name__, number) for number in range(3) for kind in (asyncio, tulipa)]


@on_loop
async def test_the_graph_of_both_kinds_of_tasks(loop, lib, kind):
    async def wait(future):
        await future

    for future in (tulipa.Future(loop=loop), asyncio.Future(loop=loop)):
        task = make_task(kind, loop, wait(future))
        await turns()
        (below,) = lib.capture_call_graph(future).awaited_by
        assert below.future is task and below.call_stack[0].frame.f_code.co_name == "wait"
        future.set_result(None)
        await task
