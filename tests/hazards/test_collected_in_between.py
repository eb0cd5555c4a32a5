"""Up to Python 3.11 the collector may run at any object that is made, and so code that waits or schedules, too."""

import contextlib
import gc

import pytest
from helpers.running import cancelled, on_loop, turns

from tulipa import asyncio as ours

MOMENTS = range(1, 13)  # the collection at which the second one comes
TIMERS = 300


@contextlib.contextmanager
def at_collection(number, act):
    """Call `act` at one of the collections that each new object sets off."""

    def collecting(phase, _info):
        nonlocal number
        number -= phase == "start"
        if phase == "start" and number == 0:
            act()

    threshold = gc.get_threshold()
    gc.callbacks.append(collecting)
    gc.set_threshold(1)
    try:
        yield
    finally:
        gc.set_threshold(*threshold)
        gc.callbacks.remove(collecting)


async def acquired(lock):
    await lock.acquire()
    return lock, lock.acquire


async def unset(event):
    return event, event.wait


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: unset(ours.Event()), id="event"),
        pytest.param(lambda: acquired(ours.Lock()), id="lock"),
        pytest.param(lambda: acquired(ours.Semaphore()), id="semaphore"),
    ],
)
@on_loop
async def test_both_stand_in_one_line(loop, make, moment):
    thing, wait = await make()
    second = wait()
    came = []
    task = loop.create_task(wait())
    with at_collection(moment, lambda: came.append(second.send(None))):
        await turns()
    assert len(thing._waiters) == 1 + len(came)
    second.close()
    await cancelled(task)
    assert not thing._waiters


@pytest.mark.parametrize("moment", MOMENTS)
@on_loop
async def test_timer_among_timers(loop, moment):
    """On the heap, which what is due soon goes to once the loop has looked at it."""
    await called_later(loop)
    expected, called = [], []

    def schedule(name):
        expected.append(name)
        loop.call_later(0, called.append, name)

    in_use = [[] for _ in range(1000)]  # of the lists that Python keeps in store none is left
    for number in range(TIMERS):
        with at_collection(moment, lambda: schedule("second")):
            schedule(number)
    await called_later(loop)
    assert sorted(map(str, called)) == sorted(map(str, expected))
    assert in_use


async def called_later(loop):
    future = loop.create_future()
    loop.call_later(0.001, future.set_result, None)
    await future
