"""Streams, with and without child processes: tulipa's own where they are built, else for now the standard library's.

Shrinks to nothing as `tulipa._highlevel` grows (issue 4, part 2); then the modules here import from there.
"""

import asyncio as _standard
import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...


_HOMES = {
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
}
# Where the standard library has a name elsewhere than in its package.
_STANDARD_HOMES = {
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
