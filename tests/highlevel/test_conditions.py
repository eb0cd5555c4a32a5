"""Condition by itself."""

import asyncio
from unittest import mock

import pytest
from helpers.running import cancelled, on_loop, turns

pytestmark = pytest.mark.virtual_too


@on_loop
async def test_condition_notifies_so_many(loop, lib):
    condition, woken = lib.Condition(), []

    async def wait(name):
        async with condition:
            assert await condition.wait() is True
            assert condition.locked()
            woken.append(name)

    tasks = [loop.create_task(wait(name)) for name in range(5)]
    await turns(2)
    assert "unlocked, waiters:5" in repr(condition)
    for number, expected in ((1, 1), (2, 3)):
        async with condition:
            condition.notify(number)
        await turns(6)
        assert woken == list(range(expected))
    async with condition:
        condition.notify_all()
    await asyncio.gather(*tasks)
    assert woken == list(range(5)) and not condition.locked()


@on_loop
async def test_condition_wait_for(loop, lib):
    condition, values = lib.Condition(), []

    async def wait():
        async with condition:
            return await condition.wait_for(lambda: len(values) >= 2 and values)

    task = loop.create_task(wait())
    for value in "ab":
        await turns(3)
        assert not task.done()
        async with condition:
            values.append(value)
            condition.notify()
    assert await task == ["a", "b"]


@on_loop
async def test_condition_needs_its_lock(loop, lib):
    condition = lib.Condition()
    with pytest.raises(RuntimeError, match="cannot wait on un-acquired lock"):
        await condition.wait()
    with pytest.raises(RuntimeError, match="cannot notify on un-acquired lock"):
        condition.notify()
    with pytest.raises(RuntimeError, match="cannot notify on un-acquired lock"):
        condition.notify_all()


@on_loop
async def test_condition_shares_a_lock(loop, lib):
    lock = lib.Lock()
    first, second = lib.Condition(lock), lib.Condition(lock)
    async with first:
        assert lock.locked() and second.locked()
    assert not second.locked()


async def hold(condition, until):
    async with condition:
        await until.wait()


@on_loop
async def test_condition_cancelled_takes_the_lock_again_first(loop, lib):
    condition, until, order = lib.Condition(), lib.Event(), []

    async def wait():
        async with condition:
            try:
                await condition.wait()
            finally:
                order.append(condition.locked())

    task = loop.create_task(wait())
    await turns()
    holder = loop.create_task(hold(condition, until))
    await turns(2)
    for _ in range(3):
        task.cancel()
        await turns(2)
    assert not task.done(), "the lock is held by another one"
    until.set()
    await asyncio.wait([task])
    assert task.cancelled() and order == [True]
    await holder
    assert not condition.locked()


@pytest.mark.reference_since(3, 13)
@pytest.mark.parametrize("when", ["at once", "while it takes the lock again"])
@on_loop
async def test_condition_notification_of_one_who_is_cancelled_goes_to_the_next(loop, lib, when):
    condition, woken = lib.Condition(), []

    async def wait(name):
        async with condition:
            await condition.wait()
            woken.append(name)

    tasks = [loop.create_task(wait(name)) for name in range(3)]
    await turns(2)
    async with condition:
        condition.notify()
        if when != "at once":
            await turns(2)
        tasks[0].cancel()
        await turns(2)
    await asyncio.wait(tasks[:2])
    assert tasks[0].cancelled() and woken == [1]
    await turns(3)
    assert not tasks[2].done(), "one notification wakes one"
    await cancelled(tasks[2])


@pytest.mark.ours_only
@on_loop
async def test_condition_cancelled_without_notification_wakes_nobody(loop, lib):
    condition, woken = lib.Condition(), []

    async def wait(name):
        async with condition:
            await condition.wait()
            woken.append(name)

    tasks = [loop.create_task(wait(name)) for name in range(2)]
    await turns(2)
    await cancelled(tasks[0])
    await turns(5)
    assert woken == []
    await cancelled(tasks[1])


@on_loop
async def test_methods_set_on_a_condition_are_used_while_waiting_too(loop, lib):
    condition, calls = lib.Condition(), []
    acquire, release = condition.acquire, condition.release
    condition.acquire = lambda: calls.append("acquire") or acquire()
    condition.release = lambda: calls.append("release") or release()
    async with condition:
        assert condition.locked()
        waiting = loop.create_task(condition.wait())
        await turns(2)
        assert not condition.locked()
        await condition.acquire()
        condition.notify()
        condition.release()
        await waiting
    assert calls == ["acquire", "release", "acquire", "release", "acquire", "release"]
    assert not condition.locked()


@on_loop
async def test_methods_of_a_condition_can_be_patched_for_a_while(loop, lib):
    condition = lib.Condition()
    with mock.patch.object(condition, "release") as release:
        async with condition:
            pass
    assert release.call_count == 1 and condition.locked()
    condition.release()
    async with condition:
        assert condition.locked()
    assert not condition.locked()


@on_loop
async def test_what_is_no_lock_makes_no_condition(loop, lib):
    with pytest.raises(AttributeError):
        lib.Condition(object())
