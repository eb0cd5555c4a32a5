"""From a loop to threads, and from threads to a loop."""

import concurrent.futures
import contextvars
import functools
from asyncio import get_running_loop, iscoroutine

from tulipa._highlevel.wrapping import chain, ensure_future, hint_for


async def to_thread(func, /, *args, **kwargs):
    """Run ``func(*args, **kwargs)`` in a thread of the loop's default executor, in a copy of the context."""
    call = functools.partial(contextvars.copy_context().run, func, *args, **kwargs)
    return await get_running_loop().run_in_executor(None, call)


def run_coroutine_threadsafe(coro, loop):
    """Run `coro` in `loop`, which runs in another thread; gives a concurrent.futures.Future.

    Raises TypeError for what is no coroutine, RuntimeError where the loop is closed.
    """
    if not iscoroutine(coro):
        raise TypeError(f"A coroutine object is required, got {coro!r}{hint_for(coro)}")
    future = concurrent.futures.Future()

    def start():
        try:
            chain(ensure_future(coro, loop=loop), future)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            if future.set_running_or_notify_cancel():
                future.set_exception(exc)
            raise

    try:
        loop.call_soon_threadsafe(start)
    except RuntimeError:
        coro.close()  # it can't run any more: no second complaint that it never did
        raise
    return future
