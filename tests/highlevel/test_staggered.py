"""staggered_race."""

import asyncio

import pytest
from helpers.accounting import timer_count
from helpers.running import on_loop, turns

pytestmark = pytest.mark.virtual_too

SOON = 0.005
LATE = 1000


def runner(name, order, *, after=1, error=None):
    async def run():
        order.append(f"{name} starts")
        try:
            if after is None:
                await asyncio.Event().wait()
            await turns(after)
        except asyncio.CancelledError:
            order.append(f"{name} cancelled")
            raise
        if error is not None:
            raise error
        return name

    return run


@on_loop
async def test_the_first_wins(loop, lib):
    order = []
    result = await lib.staggered_race([runner("a", order), runner("b", order)], LATE)
    assert result == ("a", 0, [None]) and order == ["a starts"] and timer_count(loop) == 0


@on_loop
async def test_nobody(loop, lib):
    assert await lib.staggered_race([], LATE) == (None, None, [])


@pytest.mark.parametrize("delay", [None, LATE])
@on_loop
async def test_the_next_starts_when_one_has_failed(loop, lib, delay):
    order, errors = [], [KeyError(), ValueError()]
    runners = [runner("a", order, error=errors[0]), runner("b", order, error=errors[1]), runner("c", order)]
    assert await lib.staggered_race(runners, delay) == ("c", 2, [*errors, None])
    assert order == ["a starts", "b starts", "c starts"] and timer_count(loop) == 0


@on_loop
async def test_all_fail(loop, lib):
    errors = [KeyError(), ValueError()]
    runners = [runner("a", [], error=errors[0]), runner("b", [], error=errors[1])]
    assert await lib.staggered_race(runners, None) == (None, None, errors)


@on_loop
async def test_the_next_starts_when_one_takes_long(loop, lib):
    order = []
    runners = [runner("slow", order, after=None), runner("quick", order), runner("late", order)]
    result, index, exceptions = await lib.staggered_race(runners, SOON)
    assert (result, index) == ("quick", 1) and order == ["slow starts", "quick starts", "slow cancelled"]
    assert isinstance(exceptions[0], asyncio.CancelledError) and exceptions[1:] == [None]


@on_loop
async def test_without_delay_they_run_side_by_side(loop, lib):
    order = []
    runners = [runner("a", order, after=None), runner("b", order, after=None), runner("c", order, after=3)]
    result, index, exceptions = await lib.staggered_race(runners, 0)
    assert (result, index, len(exceptions)) == ("c", 2, 3) and order[:3] == ["a starts", "b starts", "c starts"]


@on_loop
async def test_cancelled(loop, lib):
    order = []
    runners = [runner("a", order, after=None), runner("b", order, after=None)]
    task = loop.create_task(lib.staggered_race(runners, 0))
    await turns(10)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled() and sorted(order[2:]) == ["a cancelled", "b cancelled"]
    assert asyncio.all_tasks() == {asyncio.current_task()} and timer_count(loop) == 0


@pytest.mark.ours_only
@on_loop
async def test_two_winners_in_one_turn(loop, lib):
    """The standard library before Python 3.12.8 fails by an assertion."""
    event = asyncio.Event()

    async def wait(name):
        await event.wait()
        return name

    loop.call_later(SOON, event.set)
    result, index, exceptions = await lib.staggered_race([lambda: wait("a"), lambda: wait("b")], 0)
    assert (result, index) == ("a", 0) and exceptions == [None, None]


@pytest.mark.ours_only
@on_loop
async def test_what_makes_the_coroutines_fails(loop, lib):
    def runners():
        yield runner("a", [], after=None)
        raise KeyError("no more")

    with pytest.raises(KeyError, match="no more"):
        await lib.staggered_race(runners(), 0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.std_since(3, 12)
@pytest.mark.ours_only
@on_loop
async def test_eager_tasks(loop, lib, loop_factory):
    loop.set_task_factory(loop_factory.api.eager_task_factory)
    order = []
    runners = [runner("a", order, after=0, error=KeyError()), runner("b", order, after=0)]
    result, index, exceptions = await lib.staggered_race(runners, LATE)
    assert (result, index) == ("b", 1) and isinstance(exceptions[0], KeyError)
