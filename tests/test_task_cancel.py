"""Cancelling tasks: delivery, messages, counting, refusing, races."""

import asyncio
import gc

import pytest
from helpers.accounting import timer_count, turn
from helpers.processes import run_source
from helpers.running import on_loop, turns

pytestmark = pytest.mark.virtual_too


@pytest.fixture
def future(loop):
    return loop.create_future()


async def wait(future):
    return await future


# --- delivery -------------------------------------------------------------------------------------


def test_cancel_before_the_first_step(loop):
    async def main():
        raise AssertionError("never entered")

    task = loop.create_task(main())
    assert task.cancel() is True
    assert not task.cancelled() and not task.done()
    turn(loop)
    assert task.cancelled() and task.done()
    gc.collect()


def test_cancel_while_waiting(loop, future):
    task = loop.create_task(wait(future))
    turn(loop)
    assert task.cancel() is True
    assert future.cancelled(), "what it waits for is cancelled with it, at once"
    assert not task.done()
    turn(loop)
    assert task.cancelled()
    with pytest.raises(asyncio.CancelledError):
        task.result()
    with pytest.raises(asyncio.CancelledError):
        task.exception()


def test_cancel_of_what_is_done(loop):
    task = loop.create_task(asyncio.sleep(0, "value"))
    loop.run_until_complete(task)
    assert task.cancel() is False
    assert task.cancelling() == 0 and task.result() == "value"


@pytest.mark.parametrize("message, args", [(None, ()), ("why", ("why",)), (7, (7,))])
@pytest.mark.parametrize("started", [False, True], ids=["not started", "waiting"])
def test_message_arrives(loop, future, started, message, args):
    task = loop.create_task(wait(future))
    if started:
        turn(loop)
    task.cancel(msg=message)
    with pytest.raises(asyncio.CancelledError) as caught:
        loop.run_until_complete(task)
    assert caught.value.args == args


def test_message_goes_down_to_the_innermost_and_back(loop, future):
    seen = []

    async def level(number):
        try:
            await (loop.create_task(level(number - 1)) if number else future)
        except asyncio.CancelledError as error:
            seen.append((number, error.args))
            raise

    task = loop.create_task(level(2))
    turn(loop, 3)
    task.cancel("message")
    with pytest.raises(asyncio.CancelledError, match="^message$"):
        loop.run_until_complete(task)
    assert seen == [(number, ("message",)) for number in range(3)]


def test_future_cancelled_by_another(loop, future):
    task = loop.create_task(wait(future))
    turn(loop)
    future.cancel("theirs")
    with pytest.raises(asyncio.CancelledError, match="theirs"):
        loop.run_until_complete(task)
    assert task.cancelled() and task.cancelling() == 0


def test_coroutine_that_raises_it_itself_is_cancelled(loop):
    async def main():
        raise asyncio.CancelledError("own")

    task = loop.create_task(main())
    with pytest.raises(asyncio.CancelledError, match="own"):
        loop.run_until_complete(task)
    assert task.cancelled() and task.cancelling() == 0


@on_loop
async def test_awaiter_of_a_cancelled_task(loop):
    future = loop.create_future()
    task = loop.create_task(wait(future))
    await turns(1)
    task.cancel("told")
    with pytest.raises(asyncio.CancelledError, match="told"):
        await task
    assert asyncio.current_task().cancelling() == 0


def test_all_awaiters_of_a_cancelled_task_wake(loop, future):
    seen = []

    async def watch(number):
        try:
            await task
        except asyncio.CancelledError:
            seen.append(number)

    task = loop.create_task(wait(future))
    watchers = [loop.create_task(watch(number)) for number in range(3)]
    turn(loop)
    task.cancel()
    loop.run_until_complete(asyncio.wait(watchers))
    assert seen == [0, 1, 2]


def test_cancel_wakes_only_the_one(loop, future):
    outer = loop.create_task(wait(future))
    inner = loop.create_task(asyncio.sleep(0, "value"))
    turn(loop)
    outer.cancel()
    turn(loop, 2)
    assert outer.cancelled() and inner.result() == "value"


def test_sleep_cancelled_leaves_no_timer(loop):
    task = loop.create_task(asyncio.sleep(1000))
    turn(loop)
    assert timer_count(loop) == 1
    task.cancel()
    turn(loop)
    assert timer_count(loop) == 0
    turn(loop)
    assert task.cancelled()


# --- within the coroutine -------------------------------------------------------------------------


def test_finally_may_await(loop, future):
    order = []

    async def main():
        try:
            await future
        finally:
            await asyncio.sleep(0)
            order.append("cleaned")

    task = loop.create_task(main())
    turn(loop)
    task.cancel()
    turn(loop)
    assert not task.done()
    turn(loop)
    assert task.cancelled() and order == ["cleaned"]


def test_refusing(loop, future):
    async def main():
        try:
            await future
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            return "refused"

    task = loop.create_task(main())
    turn(loop)
    task.cancel()
    assert loop.run_until_complete(task) == "refused"
    assert not task.cancelled() and task.cancelling() == 1


def test_another_exception_instead(loop, future):
    async def main():
        try:
            await future
        except asyncio.CancelledError:
            raise KeyError("instead") from None

    task = loop.create_task(main())
    turn(loop)
    task.cancel()
    with pytest.raises(KeyError, match="instead"):
        loop.run_until_complete(task)
    assert not task.cancelled()


def test_cancel_again_while_cleaning_up(loop):
    seen = []
    gates = [loop.create_future() for _ in range(3)]

    async def main():
        for gate in gates:
            try:
                await gate
            except asyncio.CancelledError as error:
                seen.append(error.args)
        return "through"

    task = loop.create_task(main())
    for number in range(3):
        turn(loop)
        assert task.cancelling() == number
        assert task.cancel(number) is True
    assert loop.run_until_complete(task) == "through"
    assert seen == [(0,), (1,), (2,)]


def test_a_task_that_refuses_inside_one_that_waits(loop, future):
    async def stubborn():
        try:
            await future
        except asyncio.CancelledError:
            return "stubborn"

    async def main():
        return await inner

    inner = loop.create_task(stubborn())
    task = loop.create_task(main())
    turn(loop)
    task.cancel()
    assert loop.run_until_complete(task) == "stubborn"
    assert task.cancelling() == 1 and inner.cancelling() == 1


def test_self_cancel_takes_effect_at_the_next_await(loop):
    order = []

    async def main():
        asyncio.current_task().cancel("own")
        order.append("still running")
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError as error:
            order.append(error.args)
            raise

    task = loop.create_task(main())
    turn(loop, 2)
    assert task.cancelled() and order == ["still running", ("own",)]


def test_self_cancel_at_an_await_of_a_future_cancels_the_future(loop, future):
    async def main():
        asyncio.current_task().cancel("own")
        await future

    task = loop.create_task(main())
    turn(loop)
    assert future.cancelled()
    with pytest.raises(asyncio.CancelledError, match="own"):
        loop.run_until_complete(task)


def test_self_cancel_without_another_await(loop):
    async def main():
        asyncio.current_task().cancel("at the end")
        return "value"

    task = loop.create_task(main())
    with pytest.raises(asyncio.CancelledError, match="at the end"):
        loop.run_until_complete(task)
    assert task.cancelled()


def test_self_cancel_then_another_error(loop):
    async def main():
        asyncio.current_task().cancel()
        raise KeyError("error")

    task = loop.create_task(main())
    with pytest.raises(KeyError):
        loop.run_until_complete(task)
    assert not task.cancelled()


def test_self_cancel_does_not_touch_done_futures(loop, future):
    future.set_result("value")

    async def main():
        asyncio.current_task().cancel()
        assert await future == "value", "no suspension, no cancellation"
        await asyncio.sleep(0)

    task = loop.create_task(main())
    turn(loop, 2)
    assert task.cancelled()


# --- counting -------------------------------------------------------------------------------------


def test_cancelling_and_uncancel_count(loop, future):
    task = loop.create_task(wait(future))
    turn(loop)
    assert task.cancelling() == 0 and task.uncancel() == 0
    task.cancel()
    task.cancel()
    assert task.cancelling() == 2
    assert task.uncancel() == 1 and task.uncancel() == 0 and task.uncancel() == 0
    turn(loop)
    assert task.cancelled(), "the future it waited for was cancelled, uncancel does not undo that"


@pytest.mark.std_since(3, 13)
def test_uncancel_to_zero_takes_back_an_undelivered_request(loop):
    async def main():
        task = asyncio.current_task()
        task.cancel()
        assert task.uncancel() == 0
        await asyncio.sleep(0)
        return "went on"

    task = loop.create_task(main())
    assert loop.run_until_complete(task) == "went on"


def test_uncancel_not_to_zero_takes_back_nothing(loop):
    async def main():
        task = asyncio.current_task()
        task.cancel("first")
        task.cancel("second")
        assert task.uncancel() == 1
        await asyncio.sleep(0)

    with pytest.raises(asyncio.CancelledError, match="second"):
        loop.run_until_complete(main())


# --- races ----------------------------------------------------------------------------------------


def test_result_first_then_cancel_in_the_same_turn(loop, future):
    seen = []

    async def main():
        try:
            await future
        except asyncio.CancelledError as error:
            seen.append(error.args)
            raise

    task = loop.create_task(main())
    turn(loop)
    future.set_result("value")
    assert task.cancel("late") is True
    turn(loop)
    assert task.cancelled() and seen == [("late",)]
    assert future.result() == "value"


def test_error_first_then_cancel_in_the_same_turn(loop, future):
    task = loop.create_task(wait(future))
    turn(loop)
    future.set_exception(ValueError("first"))
    task.cancel("late")
    with pytest.raises(asyncio.CancelledError, match="late"):
        loop.run_until_complete(task)
    assert isinstance(future.exception(), ValueError)


def test_cancel_first_then_result_in_the_same_turn(loop, future):
    task = loop.create_task(wait(future))
    turn(loop)
    task.cancel()
    with pytest.raises(asyncio.InvalidStateError):
        future.set_result("too late")
    turn(loop)
    assert task.cancelled()


def test_cancel_of_two_waiters_on_one_future(loop, future):
    first, second = loop.create_task(wait(future)), loop.create_task(wait(future))
    turn(loop)
    first.cancel("first")
    turn(loop)
    assert first.cancelled() and second.cancelled(), "they shared the future; shield protects"


def test_cancel_from_a_done_callback_of_the_awaited_future(loop, future):
    future.add_done_callback(lambda _: task.cancel("from the callback"))
    task = loop.create_task(wait(future))
    turn(loop)
    future.set_result("value")
    with pytest.raises(asyncio.CancelledError, match="from the callback"):
        loop.run_until_complete(task)


def test_two_tasks_cancel_each_other_the_first_wins(loop, future):
    async def main(others):
        await asyncio.sleep(0)
        others[0].cancel()
        return "first"

    others = [[], []]
    tasks = [loop.create_task(main(other)) for other in others]
    others[0].append(tasks[1])
    others[1].append(tasks[0])
    turn(loop, 2)
    assert tasks[0].result() == "first" and tasks[1].cancelled()


def test_cancel_by_its_own_child(loop):
    async def child(parent):
        parent.cancel("from the child")
        await asyncio.sleep(0)
        return "child"

    async def main():
        await loop.create_task(child(asyncio.current_task()))

    task = loop.create_task(main())
    with pytest.raises(asyncio.CancelledError, match="from the child"):
        loop.run_until_complete(task)


def test_cancel_in_a_cycle_of_tasks_is_an_error_not_a_crash(loop_factory):
    source = f"""
        import asyncio, sys
        sys.setrecursionlimit(300)
        loop = ({loop_factory.expression})()

        async def main(number):
            await tasks[1 - number]

        tasks = [loop.create_task(main(number)) for number in range(2)]
        loop.call_soon(loop.stop)
        loop.run_forever()
        loop.call_soon(loop.stop)
        loop.run_forever()
        try:
            tasks[0].cancel()
        except RecursionError as error:
            print(type(error).__name__, flush=True)
        import os
        os._exit(0)  # nobody can end these two
    """
    child = run_source(source)
    assert (child.returncode, child.stdout) == (0, "RecursionError\n"), child.stderr


@pytest.mark.tulipa_only
def test_cancel_of_a_long_chain_does_not_recurse(loop):
    async def follow(task):
        await task

    innermost = task = loop.create_task(asyncio.sleep(3600))
    for _ in range(20_000):
        task = loop.create_task(follow(task))
    turn(loop, 2)
    assert task.cancel("enough")
    assert innermost.cancelling() == task.cancelling() == 1
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)
    assert innermost.cancelled()
