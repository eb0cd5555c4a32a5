"""High-level names: tulipa's own where the room is built, else the standard library's object for the time being.

Shrinks to nothing as `tulipa._highlevel` grows (issue 4, part 2); then the modules here import from there.
"""

import asyncio as _standard
import importlib

_HOMES = {
    "barrier": ("Barrier",),
    "gathering": ("gather", "shield"),
    "graph": (
        "FrameCallGraphEntry",
        "FutureCallGraph",
        "capture_call_graph",
        "format_call_graph",
        "future_add_to_awaited_by",
        "future_discard_from_awaited_by",
        "print_call_graph",
    ),
    "locks": ("BoundedSemaphore", "Condition", "Event", "Lock", "Semaphore"),
    "queues": ("LifoQueue", "PriorityQueue", "Queue", "QueueShutDown"),
    "staggered": ("staggered_race",),
    "streams": (
        "StreamReader",
        "StreamReaderProtocol",
        "StreamWriter",
        "open_connection",
        "open_unix_connection",
        "start_server",
        "start_unix_server",
    ),
    "subprocess": ("Process", "SubprocessStreamProtocol", "create_subprocess_exec", "create_subprocess_shell"),
    "taskgroups": ("TaskGroup",),
    "tasks": ("create_task",),
    "threads": ("run_coroutine_threadsafe", "to_thread"),
    "timeouts": ("Timeout", "timeout", "timeout_at"),
    "waiting": ("ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION", "as_completed", "wait", "wait_for"),
    "wrapping": ("ensure_future", "wrap_future"),
}
# Where the standard library has a name elsewhere than in its package.
_STANDARD_HOMES = {
    "staggered_race": "staggered",
    "Process": "subprocess",
    "SubprocessStreamProtocol": "subprocess",
    "create_subprocess_exec": "subprocess",
    "create_subprocess_shell": "subprocess",
}


def _find(home, name):
    try:
        return getattr(importlib.import_module(f"tulipa._highlevel.{home}"), name)
    except (ImportError, AttributeError):
        module = importlib.import_module(f"asyncio.{_STANDARD_HOMES[name]}") if name in _STANDARD_HOMES else _standard
        return getattr(module, name, None)


for _home, _names in _HOMES.items():
    for _name in _names:
        globals()[_name] = _find(_home, _name)
