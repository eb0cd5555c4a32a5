"""A task's step may fail outside of its coroutine: the loop survives it, and nobody waits for such a task for ever."""

import asyncio
import contextvars
import gc

import pytest


async def nothing():
    pass


class Foreign:
    """A future-like object of somebody else's, which wakes its waiter as often as told."""

    def __init__(self, loop, wake_ups):
        self._asyncio_future_blocking = False
        self._loop = loop
        self._wake_ups = wake_ups

    def get_loop(self):
        return self._loop

    def result(self):
        return "result"

    def add_done_callback(self, fn, *, context=None):
        if self._wake_ups == 0:
            raise ValueError("no callbacks here")
        for _ in range(self._wake_ups):
            self._loop.call_soon(fn, self, context=context)

    def __await__(self):
        self._asyncio_future_blocking = True
        return (yield self)


@pytest.mark.tulipa_only
@pytest.mark.virtual_too
def test_context_that_the_loop_runs_in(loop):
    context = contextvars.copy_context()
    task = loop.create_task(nothing(), context=context)
    with pytest.raises(RuntimeError, match="cannot enter context"):
        context.run(loop.run_until_complete, task)
    assert task.done()


@pytest.mark.tulipa_only
@pytest.mark.virtual_too
def test_context_that_is_none(loop):
    with pytest.raises((TypeError, AttributeError)):
        loop.run_until_complete(loop.create_task(nothing(), context="no context"))


@pytest.mark.tulipa_only
@pytest.mark.virtual_too
def test_add_done_callback_that_raises(loop):
    async def main():
        await Foreign(loop, wake_ups=0)

    with pytest.raises(ValueError, match="no callbacks here"):
        loop.run_until_complete(main())


@pytest.mark.tulipa_only
@pytest.mark.virtual_too
def test_coroutine_function_as_done_callback_in_debug_mode(loop, loop_errors):
    async def callback(task):
        pass

    loop.set_debug(True)
    task = loop.create_task(nothing())
    task.add_done_callback(callback)
    loop.call_later(0.001, loop.stop)
    loop.run_forever()
    assert task.done()
    assert [type(context["exception"]) for context in loop_errors] == [TypeError]
    loop_errors.clear()


@pytest.mark.tulipa_only
@pytest.mark.virtual_too
def test_woken_twice(loop, loop_errors):
    pending = loop.create_future()

    async def main():
        await Foreign(loop, wake_ups=2)
        await pending

    def wake_it_once_more(task):
        pending.set_result(None)
        loop.call_soon(loop.stop)

    task = loop.create_task(main())
    task.add_done_callback(wake_it_once_more)
    loop.run_forever()
    with pytest.raises(RuntimeError, match="await wasn't used with future"):
        task.result()
    assert [type(context["exception"]) for context in loop_errors] == [asyncio.InvalidStateError]
    loop_errors.clear()


@pytest.mark.tulipa_only
@pytest.mark.virtual_too
def test_woken_by_hand_before_its_first_turn(loop, loop_errors):
    foreign = asyncio.Future(loop=loop)

    async def main():
        await foreign

    done = loop.create_future()
    done.set_result(None)
    task = loop.create_task(main())
    task._wakeup(done)
    loop.call_soon(foreign.set_result, None)
    loop.call_later(0.001, loop.stop)
    loop.run_forever()
    assert isinstance(task.exception(), TypeError)
    loop_errors.clear()


@pytest.mark.tulipa_only
@pytest.mark.virtual_too
def test_eager_start_in_the_running_context(loop, loop_factory, loop_errors):
    async def main():
        coro = nothing()
        with pytest.raises(RuntimeError, match="cannot enter context"):
            loop_factory.api.Task(coro, loop=loop, eager_start=True, context=asyncio.current_task().get_context())
        coro.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    loop.run_until_complete(main())
    gc.collect()
    assert [context["message"] for context in loop_errors] == ["Task was destroyed but it is pending!"]
    loop_errors.clear()


@pytest.mark.parametrize("foreign", [False, True], ids=["own", "foreign"])
@pytest.mark.tulipa_only
def test_closed_loop_keeps_no_task(loop_factory, foreign):
    loop = asyncio.SelectorEventLoop() if foreign else loop_factory()
    loop.set_exception_handler(lambda _, context: None)
    loop.close()
    coro = nothing()
    with pytest.raises(RuntimeError, match="closed"):
        loop_factory.api.Task(coro, loop=loop)
    coro.close()
    gc.collect()
    assert asyncio.all_tasks(loop) == set()


@pytest.mark.virtual_too
def test_tasks_that_share_a_failed_future_see_their_own_frames(loop):
    async def wait_for(future):
        with pytest.raises(ValueError) as caught:
            await future
        return [entry.lineno for entry in caught.traceback if entry.name == "wait_for"]

    async def main():
        future = loop.create_future()
        tasks = [loop.create_task(wait_for(future)) for _ in range(4)]
        await asyncio.sleep(0)
        future.set_exception(ValueError())
        return await asyncio.gather(*tasks)

    assert [len(lines) for lines in loop.run_until_complete(main())] == [1, 1, 1, 1]
