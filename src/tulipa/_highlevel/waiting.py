"""wait, wait_for and as_completed, as asyncio's of Python 3.15."""

import concurrent.futures
import inspect
from asyncio import CancelledError, current_task, get_running_loop, iscoroutine, isfuture
from collections.abc import Coroutine

from tulipa._core.deadline import timeout as timeout_after
from tulipa._highlevel.queues import Queue
from tulipa._highlevel.wrapping import ensure_future
from tulipa.policy import get_event_loop

FIRST_COMPLETED = concurrent.futures.FIRST_COMPLETED
FIRST_EXCEPTION = concurrent.futures.FIRST_EXCEPTION
ALL_COMPLETED = concurrent.futures.ALL_COMPLETED


async def wait(fs, *, timeout=None, return_when=ALL_COMPLETED):
    """Wait for the futures or tasks `fs`, at most `timeout` seconds; gives two sets, (done, pending).

    Nothing is cancelled and nothing raised when the time is over. `return_when` is ALL_COMPLETED,
    FIRST_COMPLETED or FIRST_EXCEPTION. Raises TypeError for coroutines, ValueError where `fs` is empty.
    """
    if isfuture(fs) or isinstance(fs, Coroutine):  # on Python 3.11 asyncio takes every generator for a coroutine
        raise TypeError(f"expect a list of futures, not {type(fs).__name__}; for a single one use wait_for()")
    if return_when not in (FIRST_COMPLETED, FIRST_EXCEPTION, ALL_COMPLETED):
        raise ValueError(
            f"Invalid return_when value: {return_when}; use ALL_COMPLETED, FIRST_COMPLETED or FIRST_EXCEPTION"
        )
    futures = set(fs)
    if not futures:
        raise ValueError("Set of Tasks/Futures is empty: there is nothing to wait for")
    if any(iscoroutine(future) for future in futures):
        raise TypeError("Passing coroutines is forbidden, use tasks explicitly: create_task(coroutine)")
    await _Waiter(get_running_loop(), futures, return_when).wait(timeout)
    done = {future for future in futures if future.done()}
    return done, futures - done


class _Waiter:
    """One `wait`: is told of each future that is done, until it is enough."""

    def __init__(self, loop, futures, return_when):
        self._loop = loop
        self._futures = futures
        self._return_when = return_when
        self._left = len(futures)
        self._enough = loop.create_future()
        self._awaiter = current_task()

    async def wait(self, timeout):
        timer = None if timeout is None else self._loop.call_later(timeout, self._end)
        on_done = self._on_done
        for future in self._futures:
            future.add_done_callback(on_done)
        try:
            await self._enough
        finally:
            if timer is not None:
                timer.cancel()
            for future in self._futures:
                if not future.done():
                    future.remove_done_callback(on_done)

    def _on_done(self, future):
        self._left -= 1
        if self._left <= 0 or self._return_when == FIRST_COMPLETED:
            self._end()
        elif self._return_when == FIRST_EXCEPTION and not future.cancelled() and future.exception() is not None:
            self._end()

    def _end(self):
        if not self._enough.done():
            self._enough.set_result(None)


async def wait_for(fut, timeout):
    """Wait for an awaitable, at most `timeout` seconds (None: without limit); gives its result.

    Then, and when the wait is cancelled, `fut` is cancelled and waited for; TimeoutError is raised. Shield it where
    it is to go on.
    """
    if timeout is not None and timeout <= 0:
        return await _result_at_once(fut, timeout)
    async with timeout_after(timeout):
        return await fut


async def _result_at_once(fut, timeout):
    """The result that is there already; otherwise there is no time, not even to begin."""
    future = ensure_future(fut)
    if future.done():
        return future.result()
    await _cancel_and_wait(future)
    try:
        return future.result()
    except CancelledError as exc:
        raise TimeoutError(f"timed out after {timeout} seconds") from exc


async def _cancel_and_wait(future):
    """Cancel it and wait until it is done. Not by awaiting it, for then to cancel us would cancel it again."""
    waiter = _Waiter(get_running_loop(), (future,), ALL_COMPLETED)
    future.cancel()
    await waiter.wait(None)


def as_completed(fs, *, timeout=None):
    """The awaitables `fs` in the order in which they are done.

    ``async for future in as_completed(…)`` gives the done futures themselves, tasks for what was none;
    ``for coroutine in as_completed(…)`` gives coroutines to be awaited for the results. Either raises TimeoutError
    when `timeout` seconds are over. Raises TypeError for a single awaitable.
    """
    if inspect.isawaitable(fs):
        raise TypeError(f"expects an iterable of awaitables, not {type(fs).__name__}; for a single one use wait_for()")
    return _AsCompletedIterator(fs, timeout)


class _AsCompletedIterator:
    def __init__(self, fs, timeout):
        loop = get_event_loop()
        self._done = Queue()
        self._timeout = timeout
        self._timer = None
        self._awaiter = current_task(loop)
        self._todo = {ensure_future(awaitable, loop=loop) for awaitable in set(fs)}
        self._left = len(self._todo)
        for future in self._todo:
            future.add_done_callback(self._on_done)
        if self._todo and timeout is not None:
            self._timer = loop.call_later(timeout, self._on_timeout)

    def __aiter__(self):
        return self

    def __iter__(self):
        return self

    async def __anext__(self):
        if not self._left:
            raise StopAsyncIteration
        self._left -= 1
        return await self._next_future()

    def __next__(self):
        if not self._left:
            raise StopIteration
        self._left -= 1
        return self._next_result()

    async def _next_result(self):
        return (await self._next_future()).result()

    async def _next_future(self):
        future = await self._done.get()
        if future is None:
            raise TimeoutError(f"not all were done after {self._timeout} seconds")
        return future

    def _on_done(self, future):
        if not self._todo:
            return  # the time was over before
        self._todo.remove(future)
        self._done.put_nowait(future)
        if not self._todo and self._timer is not None:
            self._timer.cancel()

    def _on_timeout(self):
        for future in self._todo:
            future.remove_done_callback(self._on_done)
            self._done.put_nowait(None)
        self._todo.clear()
