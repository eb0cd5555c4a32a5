"""All rows: the ROWS of every module in this package, in the order of their ORDER, then name."""

from __future__ import annotations

import importlib
import pkgutil
from fnmatch import fnmatchcase

from ..row import Row


def all_rows() -> list[Row]:
    """Every row of every module here."""
    modules = [importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)]
    modules.sort(key=lambda module: (module.ORDER, module.__name__))
    return [row for module in modules for row in module.ROWS]


def select(patterns: list[str], rows: list[Row]) -> list[Row]:
    """The rows whose name or group matches one of the patterns (shell style).

    Raises ValueError for a pattern without a match.
    """
    chosen = set()
    for pattern in patterns:
        matching = {row.name for row in rows
                    if fnmatchcase(row.name, pattern) or fnmatchcase(row.group, pattern)}
        if not matching:
            groups = ", ".join(dict.fromkeys(row.group for row in rows))
            raise ValueError(f"no row matches {pattern!r}; groups: {groups}; for all: python -m bench --list")
        chosen |= matching
    return [row for row in rows if row.name in chosen]
