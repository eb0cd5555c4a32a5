"""Running a program's main coroutine: a Runner whose loop is tulipa's."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tulipa._highlevel.runners import Runner as _Runner
from tulipa.loop import EventLoop

_T = TypeVar("_T")


class Runner(_Runner):
    """As asyncio's Runner, with tulipa's loop for a default."""

    def __init__(
        self, *, debug: bool | None = None, loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    ) -> None:
        _Runner.__init__(self, debug=debug, loop_factory=loop_factory or EventLoop)


def run(
    main: Awaitable[_T],
    *,
    debug: bool | None = None,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> _T:
    """Run `main` in a new loop to its end and close the loop; gives its result or raises its exception.

    As ``asyncio.run()`` with tulipa's loop for a default: Ctrl-C cancels `main`, what is left of tasks and
    asynchronous generators is ended, the default executor is waited for. Raises RuntimeError inside of a running
    loop, TypeError for what can't be awaited.
    """
    if asyncio._get_running_loop() is not None:
        raise RuntimeError("tulipa.run() cannot be called from a running event loop; await the coroutine instead")
    with Runner(debug=debug, loop_factory=loop_factory) as runner:
        return runner.run(main)
