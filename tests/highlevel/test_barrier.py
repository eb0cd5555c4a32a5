"""Barrier."""

import asyncio

import pytest
from helpers.running import on_loop, turns

pytestmark = pytest.mark.virtual_too


def parties(loop, barrier, count):
    return [loop.create_task(barrier.wait()) for _ in range(count)]


async def outcomes(tasks):
    return await asyncio.gather(*tasks, return_exceptions=True)


@on_loop
async def test_opens_when_all_are_there(loop, lib):
    barrier = lib.Barrier(3)
    assert barrier.parties == 3 and "filling, waiters:0/3" in repr(barrier)
    tasks = parties(loop, barrier, 2)
    await turns(3)
    assert barrier.n_waiting == 2 and not any(task.done() for task in tasks)
    assert await barrier.wait() == 2
    assert await outcomes(tasks) == [0, 1]
    assert barrier.n_waiting == 0 and not barrier.broken


@on_loop
async def test_again_and_again(loop, lib):
    barrier, rounds = lib.Barrier(3), []

    async def party(name):
        for number in range(4):
            await barrier.wait()
            rounds.append(number)

    await asyncio.gather(*(party(name) for name in range(3)))
    assert rounds == [number for number in range(4) for _ in range(3)]


@on_loop
async def test_more_than_it_takes(loop, lib):
    barrier = lib.Barrier(2)
    tasks = parties(loop, barrier, 5)
    await turns(6)
    assert [task.done() for task in tasks].count(True) == 4 and barrier.n_waiting == 1
    tasks += parties(loop, barrier, 1)
    assert sorted(await outcomes(tasks)) == [0, 0, 0, 1, 1, 1]


@on_loop
async def test_of_one(loop, lib):
    barrier = lib.Barrier(1)
    assert [await barrier.wait() for _ in range(3)] == [0, 0, 0]


@on_loop
async def test_as_a_context_manager(loop, lib):
    barrier, numbers = lib.Barrier(2), []

    async def party():
        async with barrier as number:
            numbers.append(number)

    await asyncio.gather(party(), party())
    assert sorted(numbers) == [0, 1]


@pytest.mark.parametrize("wrong", [0, -3])
def test_without_parties(lib, wrong):
    with pytest.raises(ValueError, match="parties"):
        lib.Barrier(wrong)


@on_loop
async def test_abort(loop, lib):
    barrier = lib.Barrier(3)
    tasks = parties(loop, barrier, 2)
    await turns(2)
    await barrier.abort()
    assert barrier.broken and "broken" in repr(barrier)
    assert {type(outcome) for outcome in await outcomes(tasks)} == {asyncio.BrokenBarrierError}
    with pytest.raises(asyncio.BrokenBarrierError):
        await barrier.wait()
    await barrier.reset()
    assert not barrier.broken
    assert sorted(await outcomes(parties(loop, barrier, 3))) == [0, 1, 2]


@on_loop
async def test_reset(loop, lib):
    barrier = lib.Barrier(3)
    tasks = parties(loop, barrier, 2)
    await turns(2)
    await barrier.reset()
    late = parties(loop, barrier, 3)
    assert {type(outcome) for outcome in await outcomes(tasks)} == {asyncio.BrokenBarrierError}
    assert sorted(await outcomes(late)) == [0, 1, 2], "who comes after the reset fills it anew"


@on_loop
async def test_reset_of_an_empty_one(loop, lib):
    barrier = lib.Barrier(2)
    await barrier.reset()
    assert sorted(await outcomes(parties(loop, barrier, 2))) == [0, 1]


@on_loop
async def test_cancelled_while_it_fills(loop, lib):
    barrier = lib.Barrier(2)
    first = loop.create_task(barrier.wait())
    await turns(2)
    first.cancel()
    await asyncio.wait([first])
    assert barrier.n_waiting == 0
    assert sorted(await outcomes(parties(loop, barrier, 2))) == [0, 1]


@on_loop
async def test_cancelled_while_it_drains(loop, lib):
    barrier = lib.Barrier(3)
    tasks = parties(loop, barrier, 2)
    await turns(2)
    assert await barrier.wait() == 2
    tasks[0].cancel()
    late = parties(loop, barrier, 3)
    assert await tasks[1] == 1
    await turns(2)
    assert tasks[0].cancelled()
    assert sorted(await outcomes(late)) == [0, 1, 2]
