"""The loop's life: running, stopping, closing, and debug mode."""

import asyncio
import inspect
import sys
import threading
import warnings
from asyncio import constants
from asyncio.log import logger
from collections.abc import Awaitable, Generator
from typing import Any, TypeVar

from tulipa._core.scheduler import Scheduler
from tulipa._ops import forking, generators, signals

T = TypeVar("T")


def run_forever(loop) -> None:
    """Run until `stop` is called. Raises RuntimeError on a closed loop, and where a loop runs already."""
    _check_runnable(loop)
    hooks = generators.set_hooks(loop)
    try:
        loop._thread_id = threading.get_ident()
        asyncio._set_running_loop(loop)
        _track_coroutine_origins(loop, loop._debug)
        signals.take_wake_up(loop)
        loop._run_until_stopped()
    finally:
        signals.give_back_wake_up(loop)
        loop._stopping = False
        loop._thread_id = 0
        asyncio._set_running_loop(None)
        _track_coroutine_origins(loop, False)
        generators.restore_hooks(hooks)
        forking.over(loop)


def run_until_complete(loop, future: Generator[Any, None, T] | Awaitable[T]) -> T:
    """Run until `future` (a Future, a coroutine, an awaitable) is done; gives its result or raises its exception.

    Raises RuntimeError where the loop is stopped before, and as `run_forever`.
    """
    _check_runnable(loop)
    ours = not asyncio.isfuture(future)
    waited = _as_future(loop, future)
    if ours and isinstance(waited, asyncio.Task):
        # Should the loop stop too early, the exception below says so: no second complaint is needed.
        waited._log_destroy_pending = False  # type: ignore[attr-defined]
    waited.add_done_callback(_run_until_complete_cb)
    try:
        loop.run_forever()
    except BaseException:
        if ours and waited.done() and not waited.cancelled():
            # It is what leaves the loop here; nobody else can retrieve it from our task.
            waited.exception()
        raise
    finally:
        waited.remove_done_callback(_run_until_complete_cb)
    if not waited.done():
        raise RuntimeError("Event loop stopped before Future completed.")
    return waited.result()


def stop(loop) -> None:
    """Leave `run_forever` at the end of the present iteration, or the next one where none is under way."""
    loop._stopping = True


def is_closed(loop) -> bool:
    """Whether `close` was called."""
    return loop._closed


def close(loop) -> None:
    """Drop what is still scheduled and give everything back; the default executor is not waited for.

    A second time it does nothing. Raises RuntimeError while the loop runs, and in another than the main thread
    where the loop has signal handlers.
    """
    if loop.is_running():
        forking.check(loop)
        raise RuntimeError("Cannot close a running event loop; stop() it, and close it once run_forever() returned")
    if loop._closed:
        return
    if loop._debug:
        logger.debug("Close %r", loop)
    signals.release(loop)
    loop._closed = True
    try:
        loop._drop_everything()
        _release_executor(loop)
    finally:
        signals.forget_wake_up(loop)
        loop._driver.close()


def _release_executor(loop):
    """Let the default executor end, without waiting for it."""
    loop._executor_shut_down = True
    executor = loop._default_executor
    if executor is not None:
        loop._default_executor = None
        executor.shutdown(wait=False)


def set_debug(loop, enabled: bool) -> None:
    """Switch debug mode, also of a loop that runs, and from any thread."""
    loop._debug = bool(enabled)
    if loop.is_running():
        loop.call_soon_threadsafe(_follow_debug_mode, loop)


def describe(loop) -> str:
    """The loop's ``repr``."""
    return (
        f"<{type(loop).__name__} driver={loop.driver_name} running={loop.is_running()} "
        f"closed={loop.is_closed()} debug={loop.get_debug()}>"
    )


def warn_unclosed(loop) -> None:
    """The loop's ``__del__``: warn and close, unless it was closed or could not even be made."""
    if getattr(loop, "_driver", None) is None or loop._closed:
        return
    if warnings is None:
        return  # Python ends: modules have lost their names, and the system closes what is open
    warnings.warn(f"unclosed event loop {loop!r}", ResourceWarning, source=loop, stacklevel=2)
    if not loop.is_running():
        loop.close()


def _check_runnable(loop):
    loop._check_closed()
    forking.check(loop)
    if loop.is_running():
        raise RuntimeError("This event loop is already running; await the coroutine instead, or create a task")
    if asyncio._get_running_loop() is not None:
        raise RuntimeError("Cannot run the event loop while another loop is running in this thread")
    notice_replaced(loop)


def notice_replaced(loop):
    """A subclass, or whoever set an attribute of the loop, is to see what futures, tasks and timeouts schedule."""
    # vars() would make the loop's dictionary, and with that Python calls each of its methods slower.
    loop._call_soon_replaced = loop.call_soon != Scheduler.call_soon.__get__(loop)
    loop._timing_replaced = loop.time != Scheduler.time.__get__(loop) or loop.call_at != Scheduler.call_at.__get__(loop)


def _as_future(loop, thing) -> asyncio.Future[Any]:
    if not asyncio.isfuture(thing) and not inspect.isawaitable(thing) and not asyncio.iscoroutine(thing):
        hint = f"; call it: {thing.__name__}()" if inspect.iscoroutinefunction(thing) else ""
        raise TypeError(f"An asyncio.Future, a coroutine or an awaitable is required, got {thing!r}{hint}")
    if asyncio.isfuture(thing) and thing.get_loop() is not loop:
        raise ValueError(
            f"The future belongs to a different loop than the one that is to run it: {thing!r}; "
            "make it in the loop that runs it"
        )
    return asyncio.ensure_future(thing, loop=loop)


def _run_until_complete_cb(future):
    if not future.cancelled() and isinstance(future.exception(), (SystemExit, KeyboardInterrupt)):
        # That has left run_forever already: to stop would end the next run at once.
        return
    future.get_loop().stop()


def _follow_debug_mode(loop):
    _track_coroutine_origins(loop, loop._debug)


def _track_coroutine_origins(loop, enabled):
    """Have coroutines remember where they were made, for warnings of those that were never awaited."""
    if enabled == (loop._origin_depth_before is not None):
        return
    if enabled:
        loop._origin_depth_before = sys.get_coroutine_origin_tracking_depth()
        sys.set_coroutine_origin_tracking_depth(constants.DEBUG_STACK_DEPTH)
    else:
        sys.set_coroutine_origin_tracking_depth(loop._origin_depth_before)
        loop._origin_depth_before = None
