"""asyncio, implemented anew: a fast event loop, futures, tasks and transports.

Three ways to use it: ``tulipa.run(main())`` for the loop alone; ``from tulipa import asyncio`` for the whole; and
``python -m tulipa app.py``, or ``tulipa.install()``, for a program that stays as it is.
"""

import importlib

from tulipa import _hot_rooms  # noqa: F401  # before the first hot module
from tulipa._core import world as _world

__version__ = "0.1.0.dev0"  # the build reads it without importing the package

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


# In which module each name is. It comes from there when somebody asks for it: no program needs them all, and as long
# as the package itself is being imported, each import within it takes the package's lock.
_HOMES = {
    "EventLoop": "loop",
    "EventLoopPolicy": "policy",
    "Future": "_core.futures",
    "Handle": "_core.handles",
    "Server": "_ops.serve",
    "Task": "_core.tasks",
    "TimerHandle": "_core.timers",
    "create_eager_task_factory": "_core.tasks",
    "eager_task_factory": "_core.tasks",
    "new_event_loop": "loop",
    "run": "runners",
    "sleep": "_core.pause",
}
_MODULES = ("loop", "policy", "runners")


def __getattr__(name):
    """A public name or module, when somebody asks for it."""
    if name in _MODULES:
        return importlib.import_module(f"tulipa.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"tulipa.{_HOMES[name]}")
    value = getattr(module, name)
    if value.__module__ != module.__name__:
        return value  # a test's, for as long as it is there
    return globals().setdefault(name, value)


def __dir__():
    return sorted({*globals(), *_HOMES, *_MODULES})


def is_compiled() -> bool:
    """Whether the hot modules are compiled; where not, the same code runs interpreted, slower."""
    return not _world.__file__.endswith((".py", ".pyc"))


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


def _current_loop():
    from tulipa import policy

    return policy.get_event_loop()


# Futures can be made without a loop and without any of the above.
_world.ask_for_loops(_current_loop)
