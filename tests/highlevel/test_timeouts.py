"""timeout, timeout_at, Timeout, wait_for."""

import asyncio

import pytest
from helpers.accounting import timer_count
from helpers.running import on_loop, turns

pytestmark = pytest.mark.virtual_too

SOON = 0.005
LATE = 1000


async def forever():
    await asyncio.get_running_loop().create_future()


def give_result(future, result):
    if not future.done():
        future.set_result(result)


async def give(value, after=1):
    await turns(after)
    return value


# --- timeout ---------------------------------------------------------------------------------------------------


@on_loop
async def test_in_time(loop, lib):
    async with lib.timeout(LATE) as scope:
        await turns()
        assert scope.when() == pytest.approx(loop.time() + LATE, abs=60)
        assert repr(scope).startswith("<Timeout [active] when=")
    assert not scope.expired() and repr(scope) == "<Timeout [finished]>"
    assert timer_count(loop) == 0


@on_loop
async def test_too_late(loop, lib):
    with pytest.raises(TimeoutError) as caught:
        async with lib.timeout(SOON) as scope:
            await forever()
    assert scope.expired() and repr(scope) == "<Timeout [expired]>"
    assert isinstance(caught.value.__cause__, asyncio.CancelledError)
    assert asyncio.current_task().cancelling() == 0
    await turns(2)


@pytest.mark.ours_only
@on_loop
async def test_the_message_says_how_long(loop, lib):
    with pytest.raises(TimeoutError, match="timed out after 0.005 seconds"):
        async with lib.timeout(SOON):
            await forever()
    with pytest.raises(TimeoutError, match="deadline"):
        async with lib.timeout_at(loop.time()):
            await forever()


@pytest.mark.parametrize("delay", [0, -1])
@on_loop
async def test_no_time_at_all(loop, lib, delay):
    with pytest.raises(TimeoutError):
        async with lib.timeout(delay) as scope:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
    assert scope.expired()


@on_loop
async def test_no_time_but_nothing_to_wait_for(loop, lib):
    async with lib.timeout(0) as scope:
        pass
    await turns(2)
    assert not scope.expired()


@on_loop
async def test_none_is_no_timeout(loop, lib):
    for scope in (lib.timeout(None), lib.timeout_at(None)):
        async with scope:
            assert scope.when() is None and timer_count(loop) == 0
            assert repr(scope) == "<Timeout [active] when=None>"


@on_loop
async def test_at(loop, lib):
    deadline = loop.time() + SOON
    with pytest.raises(TimeoutError):
        async with lib.timeout_at(deadline) as scope:
            await forever()
    assert scope.when() == deadline and loop.time() >= deadline - 0.001


@on_loop
async def test_reschedule(loop, lib):
    async with lib.timeout(SOON) as scope:
        scope.reschedule(loop.time() + LATE)
        scope.reschedule(None)
        assert timer_count(loop) == 0
        await turns(2)
    with pytest.raises(TimeoutError):
        async with lib.timeout(None) as scope:
            scope.reschedule(loop.time() - 1)
            await forever()


@on_loop
async def test_reschedule_out_of_season(loop, lib):
    scope = lib.timeout(LATE)
    with pytest.raises(RuntimeError, match="has not been entered"):
        scope.reschedule(None)
    async with scope:
        pass
    with pytest.raises(RuntimeError, match="Cannot change state of finished Timeout"):
        scope.reschedule(None)
    with pytest.raises(RuntimeError, match="has already been entered"):
        await scope.__aenter__()


@on_loop
async def test_nested(loop, lib):
    with pytest.raises(TimeoutError):
        async with lib.timeout(SOON) as outer:
            async with lib.timeout(LATE) as inner:
                await forever()
    assert outer.expired() and not inner.expired()
    async with lib.timeout(LATE) as outer:
        with pytest.raises(TimeoutError):
            async with lib.timeout(SOON) as inner:
                await forever()
    assert inner.expired() and not outer.expired()


@on_loop
async def test_two_at_the_same_time(loop, lib):
    deadline = loop.time() + SOON
    with pytest.raises(TimeoutError):
        async with lib.timeout_at(deadline) as outer:
            async with lib.timeout_at(deadline) as inner:
                await forever()
    assert outer.expired() and inner.expired()
    assert asyncio.current_task().cancelling() == 0


@on_loop
async def test_other_exceptions_pass(loop, lib):
    with pytest.raises(KeyError):
        async with lib.timeout(LATE):
            raise KeyError
    assert timer_count(loop) == 0


@on_loop
async def test_a_block_that_swallows_the_cancellation(loop, lib):
    async with lib.timeout(SOON) as scope:
        try:
            await forever()
        except asyncio.CancelledError:
            pass
    assert scope.expired() and asyncio.current_task().cancelling() == 0


@pytest.mark.reference_since(3, 13)
@on_loop
async def test_an_exception_made_of_the_cancellation(loop, lib):
    with pytest.raises(KeyError) as caught:
        async with lib.timeout(SOON):
            try:
                await forever()
            except asyncio.CancelledError:
                raise KeyError
    context = caught.value.__context__
    assert isinstance(context, TimeoutError) and isinstance(context.__cause__, asyncio.CancelledError)


@on_loop
async def test_cancelled_from_outside(loop, lib):
    async def main():
        async with lib.timeout(LATE):
            await forever()

    task = loop.create_task(main())
    await turns()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled() and task.cancelling() == 1 and timer_count(loop) == 0


@on_loop
async def test_cancelled_from_outside_when_it_expires_too(loop, lib):
    scopes = []

    async def main():
        async with lib.timeout(LATE) as scope:
            scopes.append(scope)
            await forever()

    task = loop.create_task(main())
    await turns()
    scopes[0].reschedule(loop.time())
    loop.call_soon(task.cancel)
    await asyncio.wait([task])
    assert task.cancelled(), "a cancellation is never lost"
    assert scopes[0].expired()


@pytest.mark.ours_only
@on_loop
async def test_a_result_that_comes_at_the_last_moment_is_not_lost(loop, lib):
    future = loop.create_future()
    async with lib.timeout(LATE) as scope:
        scope.reschedule(loop.time())  # it is over in the next turn
        future.set_result("value")
        assert await future == "value"
    later = loop.create_future()
    async with lib.timeout(LATE) as scope:
        loop.call_soon(later.set_result, "value")
        scope.reschedule(loop.time())
        assert await later == "value", "both in the same turn"
    assert not scope.expired() and timer_count(loop) == 0
    await turns(2)


@pytest.mark.ours_only
@on_loop
async def test_the_last_moment_comes_once(loop, lib):
    """Somebody who always has a result at hand does not go on for ever."""
    rounds = 0
    with pytest.raises(TimeoutError):
        async with lib.timeout(0):
            while rounds < 100:
                rounds += 1
                future = loop.create_future()
                loop.call_soon(give_result, future, None)
                await future
    assert rounds <= 3


def test_outside_of_a_task(loop, lib):
    errors = []

    def enter():
        try:
            lib.timeout(1).__aenter__().send(None)
        except RuntimeError as error:
            errors.append(str(error))

    loop.call_soon(enter)
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert "inside a task" in errors[0]


def test_entering_begins_when_it_is_awaited(loop, lib):
    async def main():
        timeout = lib.timeout(1)
        entering = timeout.__aenter__()
        assert timeout.when() is not None
        with pytest.raises(RuntimeError, match="has not been entered"):
            timeout.reschedule(None)
        assert await entering is timeout
        timeout.reschedule(None)
        await timeout.__aexit__(None, None, None)

    loop.run_until_complete(main())


def test_it_goes_by_a_replaced_time_and_call_at(loop, lib):
    time, call_at, seen = loop.time, loop.call_at, []

    def noted(when, callback, *args, context=None):
        seen.append(when)
        return call_at(when - 1000, callback, *args, context=context)

    async def wait():
        async with lib.timeout(5):
            await asyncio.sleep(0)

    loop.time, loop.call_at = lambda: time() + 1000, noted
    before = loop.time()
    loop.run_until_complete(wait())
    assert len(seen) == 1 and before + 5 <= seen[0] <= loop.time() + 5
    del loop.time, loop.call_at


# --- wait_for --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("timeout", [LATE, None])
@on_loop
async def test_wait_for_in_time(loop, lib, timeout):
    assert await lib.wait_for(give("coroutine"), timeout) == "coroutine"
    assert await lib.wait_for(loop.create_task(give("task")), timeout) == "task"
    future = loop.create_future()
    future.set_exception(KeyError("key"))
    with pytest.raises(KeyError):
        await lib.wait_for(future, timeout)
    assert timer_count(loop) == 0


@on_loop
async def test_wait_for_too_late(loop, lib):
    task = loop.create_task(forever())
    with pytest.raises(TimeoutError):
        await lib.wait_for(task, SOON)
    assert task.cancelled()
    with pytest.raises(TimeoutError):
        await lib.wait_for(forever(), SOON)


@pytest.mark.reference_since(3, 12)
@pytest.mark.parametrize("timeout", [0, -1])
@on_loop
async def test_wait_for_no_time_at_all(loop, lib, timeout):
    started = []

    async def start():
        started.append(True)

    with pytest.raises(TimeoutError):
        await lib.wait_for(start(), timeout)
    assert started == []
    done = loop.create_future()
    done.set_result("value")
    assert await lib.wait_for(done, timeout) == "value"
    task = loop.create_task(forever())
    await turns()
    with pytest.raises(TimeoutError):
        await lib.wait_for(task, timeout)
    assert task.cancelled()


@on_loop
async def test_wait_for_waits_until_it_is_cancelled(loop, lib):
    notes = []

    async def slow_to_end():
        try:
            await forever()
        finally:
            await turns(5)
            notes.append("cleaned up")

    for timeout in (SOON, 0):
        task = loop.create_task(slow_to_end())
        await turns()
        with pytest.raises(TimeoutError):
            await lib.wait_for(task, timeout)
        assert task.done() and notes.pop() == "cleaned up"


@on_loop
async def test_wait_for_what_gives_a_result_when_cancelled(loop, lib):
    async def stubborn():
        try:
            await forever()
        except asyncio.CancelledError:
            return "all the same"

    task = loop.create_task(stubborn())
    await turns()
    assert await lib.wait_for(task, 0) == "all the same"


@on_loop
async def test_wait_for_cancelled(loop, lib):
    inner = loop.create_task(forever())
    outer = loop.create_task(lib.wait_for(inner, LATE))
    await turns(2)
    outer.cancel("message")
    await asyncio.wait([outer])
    assert outer.cancelled() and inner.cancelled() and timer_count(loop) == 0


@pytest.mark.reference_since(3, 12)
@on_loop
async def test_wait_for_cancelled_when_it_is_done_too(loop, lib):
    """Before Python 3.12 the cancellation is lost."""
    inner = loop.create_future()
    outer = loop.create_task(lib.wait_for(inner, LATE))
    await turns(2)
    inner.set_result("value")
    outer.cancel()
    await asyncio.wait([outer])
    assert outer.cancelled() and inner.result() == "value"


@pytest.mark.ours_only
@on_loop
async def test_wait_for_a_result_at_the_last_moment(loop, lib):
    taken = []

    async def take(future):
        taken.append(await future)
        return taken[0]

    future = loop.create_future()
    loop.call_later(SOON, future.set_result, "value")
    assert await lib.wait_for(take(future), SOON) == "value" and taken == ["value"]
    future = loop.create_future()
    loop.call_later(SOON, future.set_result, "value")
    assert await lib.wait_for(future, SOON) == "value"
    assert timer_count(loop) == 0


@on_loop
async def test_wait_for_a_shielded_one(loop, lib):
    future = loop.create_future()
    with pytest.raises(TimeoutError):
        await lib.wait_for(lib.shield(future), SOON)
    future.set_result("value")
    assert await future == "value"


@pytest.mark.reference_since(3, 12)
@on_loop
async def test_wait_for_what_is_not_awaitable(loop, lib):
    for timeout in (1, 0, None):
        with pytest.raises(TypeError):
            await lib.wait_for(5, timeout)
