"""asyncio, implemented anew: a fast event loop, futures, tasks and transports.

Three ways to use it: ``tulipa.run(main())`` for the loop alone; ``from tulipa import asyncio`` for the whole; and
``python -m tulipa app.py``, or ``tulipa.install()``, for a program that stays as it is.
"""

from tulipa import _hot_rooms  # noqa: F401  # before the first hot module
from tulipa._core import scheduler as _scheduler
from tulipa._core.futures import Future
from tulipa._core.handles import Handle
from tulipa._core.pause import sleep
from tulipa._core.tasks import Task, create_eager_task_factory, eager_task_factory
from tulipa._core.timers import TimerHandle
from tulipa._version import __version__
from tulipa.loop import EventLoop, new_event_loop
from tulipa.policy import EventLoopPolicy
from tulipa.runners import run

__all__ = (
    "EventLoop",
    "EventLoopPolicy",
    "Future",
    "Handle",
    "Server",
    "Task",
    "TimerHandle",
    "__version__",
    "create_eager_task_factory",
    "eager_task_factory",
    "install",
    "is_compiled",
    "new_event_loop",
    "run",
    "sleep",
    "uninstall",
)


def is_compiled() -> bool:
    """Whether the hot modules are compiled; where not, the same code runs interpreted, slower."""
    return not _scheduler.__file__.endswith((".py", ".pyc"))


def __getattr__(name):
    """`Server`, which comes with all of serving, when somebody asks for it."""
    if name != "Server":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tulipa._ops.serve import Server

    return globals().setdefault(name, Server)


def install() -> None:
    """Full mode: put tulipa's asyncio in the standard library's place, for all that was or will be imported.

    `uninstall` undoes it. A second time it looks through what was imported meanwhile. For tulipa's loops under the
    standard library's asyncio use `tulipa.run`, ``loop_factory=tulipa.EventLoop`` or `EventLoopPolicy` instead.
    """
    from tulipa import _full_mode

    _full_mode.install()


def uninstall() -> None:
    """Undo `install`; without it, nothing.

    What others have changed since stays as they left it; modules imported since keep what they imported.
    """
    from tulipa import _full_mode

    _full_mode.uninstall()
