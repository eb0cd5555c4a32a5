"""tulipa.sleep: as asyncio.sleep, without a coroutine and a generator for every pause."""

import asyncio
import collections.abc
import math

import pytest
from helpers.cases import tulipa
from helpers.running import on_loop

pytestmark = [pytest.mark.virtual_too, pytest.mark.tulipa_only]


@on_loop
async def test_a_pause_lets_everything_ready_run_once(loop):
    seen = []
    for name in "ab":
        loop.call_soon(seen.append, name)
    loop.call_soon(lambda: loop.call_soon(seen.append, "later"))
    assert await tulipa.sleep(0, "result") == "result"
    assert seen == ["a", "b"]
    assert await tulipa.sleep(-1) is None
    assert seen == ["a", "b", "later"]


@on_loop
async def test_a_delay_is_never_shortened(loop):
    before = loop.time()
    assert await tulipa.sleep(0.01, 5) == 5
    assert loop.time() - before >= 0.01


@on_loop
async def test_a_pause_is_a_coroutine_for_tasks(loop):
    pause = tulipa.sleep(0, "result")
    assert isinstance(pause, collections.abc.Coroutine) and asyncio.iscoroutine(pause)
    assert await loop.create_task(pause) == "result"
    assert await asyncio.gather(tulipa.sleep(0, 1), tulipa.sleep(0, 2)) == [1, 2]


@on_loop
async def test_a_cancelled_pause_raises_where_it_is_awaited(loop):
    async def pausing():
        try:
            await tulipa.sleep(0)
        except asyncio.CancelledError as error:
            return error.args

    task = loop.create_task(pausing())
    await asyncio.sleep(0)
    task.cancel("enough")
    assert await task == ("enough",)


@on_loop
async def test_a_cancelled_sleep_leaves_no_timer(loop):
    task = loop.create_task(tulipa.sleep(1000))
    await asyncio.sleep(0)
    assert loop._pending_counts()[1] == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert loop._pending_counts()[1] == 0


@on_loop
async def test_nan_is_refused(loop):
    with pytest.raises(ValueError, match="NaN"):
        await tulipa.sleep(math.nan)

@pytest.mark.filterwarnings("ignore:the .type, exc, tb. signature:DeprecationWarning")
def test_a_pause_by_hand():
    pause = tulipa.sleep(0, "result")
    assert pause.send(None) is None
    with pytest.raises(StopIteration) as stop:
        pause.send(None)
    assert stop.value.value == "result"
    with pytest.raises(KeyError):
        tulipa.sleep(0).throw(KeyError("thrown"))
    with pytest.raises(KeyError, match="thrown"):
        tulipa.sleep(0).throw(KeyError, "thrown")
    pause = tulipa.sleep(0)
    pause.close()
    with pytest.raises(StopIteration):
        pause.send(None)


def test_a_future_made_by_hand_is_not_enough_of_a_coroutine(loop):
    with pytest.raises(TypeError, match="a coroutine was expected"):
        loop.create_task(loop.create_future())
