"""Work for other threads and processes: `run_in_executor` and the default thread pool."""

import asyncio
import concurrent.futures
import inspect
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

T = TypeVar("T")


def run_in_executor(loop, executor: Executor | None, func: Callable[..., T], *args: object) -> asyncio.Future[T]:
    """Call ``func(*args)`` in `executor` (None: the default thread pool); gives a future of its result.

    Raises RuntimeError on a closed loop, and for None once the default executor was shut down.
    """
    loop._check_closed()
    if loop._debug:
        _check_function(func)
    if executor is None:
        executor = _default_executor(loop)
    return asyncio.wrap_future(executor.submit(func, *args), loop=loop)


def set_default_executor(loop, executor: Executor) -> None:
    """Use `executor` where run_in_executor() is given None. Raises TypeError unless it is a ThreadPoolExecutor."""
    if not isinstance(executor, concurrent.futures.ThreadPoolExecutor):
        raise TypeError(
            f"executor must be ThreadPoolExecutor instance, not {executor!r}; "
            "give any other executor to run_in_executor() itself"
        )
    loop._default_executor = executor


async def shutdown_default_executor(loop, timeout: float | None = None) -> None:
    """Wait until the default executor's threads have ended, `timeout` seconds at most (None: for ever).

    After that a RuntimeWarning tells that they still run. From now on the loop has no default executor.
    """
    loop._executor_shut_down = True
    executor = loop._default_executor
    if executor is None:
        return
    ended = loop.create_future()
    thread = threading.Thread(target=_shut_down, args=(loop, executor, ended))
    thread.start()
    try:
        async with asyncio.timeout(timeout):
            await ended
    except TimeoutError:
        warnings.warn(
            f"The executor did not finishing joining its threads within {timeout} seconds; "
            "they go on until their functions return",
            RuntimeWarning,
            stacklevel=2,
        )
        executor.shutdown(wait=False)
    else:
        thread.join()


def _default_executor(loop):
    if loop._executor_shut_down:
        raise RuntimeError("Executor shutdown has been called; give run_in_executor() an executor of your own")
    if loop._default_executor is None:
        loop._default_executor = concurrent.futures.ThreadPoolExecutor(thread_name_prefix="asyncio")
    return loop._default_executor


def _check_function(func):
    if inspect.iscoroutine(func) or inspect.iscoroutinefunction(func):
        raise TypeError(f"coroutines cannot be used with run_in_executor(), got {func!r}; use create_task()")
    if not callable(func):
        raise TypeError(f"a callable object was expected by run_in_executor(), got {func!r}")


def _shut_down(loop, executor, ended):
    """In a thread of its own: wait for the executor's threads and tell the loop."""
    failure = None
    try:
        executor.shutdown(wait=True)
    except Exception as exc:
        failure = exc
    try:
        loop.call_soon_threadsafe(_settle, ended, failure)
    except RuntimeError:
        # The loop was closed meanwhile: nobody waits any more.
        pass


def _settle(ended, failure):
    if ended.done():
        return
    if failure is None:
        ended.set_result(None)
    else:
        ended.set_exception(failure)
