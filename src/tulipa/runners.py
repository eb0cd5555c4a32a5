"""Running a program's main coroutine: asyncio's Runner on tulipa's loop."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tulipa.loop import EventLoop

T = TypeVar("T")


def run(
    main: Awaitable[T],
    *,
    debug: bool | None = None,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> T:
    """Run `main` in a new loop to its end and close the loop; gives its result or raises its exception.

    As ``asyncio.run()`` with tulipa's loop for a default: Ctrl-C cancels `main`, what is left of tasks and
    asynchronous generators is ended, the default executor is waited for. Raises RuntimeError inside of a running
    loop, TypeError for what can't be awaited.
    """
    if asyncio._get_running_loop() is not None:
        raise RuntimeError("tulipa.run() cannot be called from a running event loop; await the coroutine instead")
    with asyncio.Runner(debug=debug, loop_factory=loop_factory or EventLoop) as runner:
        return runner.run(_as_coroutine(main))


def _as_coroutine(main):
    if asyncio.iscoroutine(main):
        return main
    if not inspect.isawaitable(main):
        hint = f"; call it: {main.__name__}()" if inspect.iscoroutinefunction(main) else ""
        raise TypeError(f"a coroutine was expected, got {main!r}{hint}")

    async def wait():
        return await main

    return wait()
