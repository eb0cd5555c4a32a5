"""Who takes part. A contender is an event loop for Python, or the raw C server that marks the limit."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass

LIMIT = "c"


@dataclass(frozen=True)
class Contender:
    """One event loop: where its factory is, and what it needs to run."""

    name: str
    title: str
    colour: str
    module: str = ""                              # "" for the C server, which has no Python loop
    factory: str = "new_event_loop"
    requires_python: tuple[int, int] = (3, 11)
    upon: str = ""                                # package of the loop, where this one only changes another's
    launcher: tuple[str, ...] = ()                # Python's arguments before `-m program`

    @property
    def is_whole(self) -> bool:
        """Whether it replaces all of asyncio, not the event loop alone."""
        return bool(self.launcher)

    @property
    def is_native(self) -> bool:
        return not self.module

    def missing(self) -> str | None:
        """Why this contender can't run in this Python, or None when it can."""
        if self.is_native:
            return None
        if sys.version_info < self.requires_python:
            needed, running = (".".join(map(str, v[:2])) for v in (self.requires_python, sys.version_info))
            return f"needs Python {needed} or later, this is {running}"
        for package in filter(None, (self.module, self.upon)):
            if importlib.util.find_spec(package) is None:
                return f"not installed: pip install {package}"
        return None

    def loop_factory(self) -> Callable[[], asyncio.AbstractEventLoop]:
        """The callable that makes this contender's loop (imports its package)."""
        factory = getattr(importlib.import_module(self.module), self.factory)
        return factory(importlib.import_module(self.upon).new_event_loop) if self.upon else factory


CONTENDERS = (
    Contender(LIMIT, "raw C", "#8a8f98"),
    Contender("std", "asyncio", "#4c78a8", module="asyncio"),
    Contender("uvloop", "uvloop", "#eeca3b", module="uvloop"),
    Contender("aiofastnet", "aiofastnet", "#2b8c93", module="aiofastnet", factory="loop_factory", upon="uvloop"),
    Contender("rloop", "rloop", "#b279a2", module="rloop"),
    Contender("blazio", "blazio", "#54a24b", module="blazio", requires_python=(3, 12)),
    Contender("tulipa", "tulipa", "#e4322b", module="tulipa"),
    Contender("tulipa-full", "tulipa, full", "#8f1d4f", module="tulipa", launcher=("-m", "tulipa")),
)
OURS = ("tulipa", "tulipa-full")                  # the loop alone, and the whole of asyncio replaced
BASELINES = ("uvloop", "std")                     # ratios are to the first of these that took part


def by_name(name: str) -> Contender:
    """The contender called `name`; KeyError says which names there are."""
    for contender in CONTENDERS:
        if contender.name == name:
            return contender
    raise KeyError(f"no contender {name!r}; there are: {', '.join(c.name for c in CONTENDERS)}")
