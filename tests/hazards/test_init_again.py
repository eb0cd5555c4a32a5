"""``__init__`` called a second time: the ready queue and the loop's list of tasks hold on to what stands in them."""

import asyncio

import pytest
from helpers.accounting import timer_count
from helpers.running import on_loop


@on_loop
async def test_of_a_handle_that_waits_for_its_turn(loop):
    called = []
    handles = [loop.call_soon(called.append, number) for number in range(4)]
    handles[1].__init__(called.append, ("again",), loop)
    await asyncio.sleep(0)
    assert called == [0, "again", 2, 3]


@pytest.mark.tulipa_only
@pytest.mark.parametrize("delay", [0.001, 1000])
@on_loop
async def test_of_a_pending_timer(loop, delay):
    called = []
    timers = [loop.call_later(delay, called.append, number) for number in range(4)]
    await asyncio.sleep(0)
    timers[1].__init__(loop.time(), called.append, ("again",), loop)
    timers[1].cancel()
    for timer in timers:
        timer.cancel()
    assert called == [] and timer_count(loop) == 0


@pytest.mark.parametrize("steps", [0, 1])
@on_loop
async def test_of_a_pending_task(loop, steps):
    if isinstance(loop, asyncio.BaseEventLoop):
        pytest.skip("the standard library lets go of the first coroutine, and steps the second one too often")

    async def count(number):
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return number

    tasks = [loop.create_task(count(number)) for number in range(4)]
    for _ in range(steps):
        await asyncio.sleep(0)
    another = count("again")
    with pytest.raises(RuntimeError, match="make another Task"):
        tasks[1].__init__(another, loop=loop)
    another.close()
    assert await asyncio.gather(*tasks) == [0, 1, 2, 3]
    assert asyncio.all_tasks() == {asyncio.current_task()}
