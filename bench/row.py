"""The contract between the runner and what it measures: a Row is measured into Samples.

A module in ``bench/rows`` makes rows of its own kind by subclassing Row; nothing else needs to know of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .contenders import Contender
from .machine import Cores

STARTING = 0.3                                     # seconds until a process is ready, roughly


class Skipped(Exception):
    """The contender does not offer what this row needs; the message says what."""


class Failed(Exception):
    """The contender broke while it was measured; the message says how."""


@dataclass(frozen=True)
class Settings:
    """How long and where to measure. Times are in seconds."""

    seconds: float
    warmup: float
    cores: Cores


@dataclass
class Sample:
    """One measurement: the row's main figure and whatever else is worth keeping."""

    value: float
    details: dict[str, float] = field(default_factory=dict)
    histogram: list[tuple[float, int]] = field(default_factory=list)    # (from microseconds, count)


class Row:
    """One line of the table."""

    most_rounds = 1000                             # fewer where one measurement is exact, and long
    high_level = False                             # whether more of asyncio is in it than the event loop

    def __init__(self, name: str, group: str, title: str, unit: str, *,
                 higher_is_better: bool, quick: bool = False) -> None:
        self.name = name
        self.group = group
        self.title = title
        self.unit = unit
        self.higher_is_better = higher_is_better
        self.quick = quick                        # part of a --quick run

    def unavailable(self) -> str | None:
        """What this machine lacks, so that nobody can be measured in this row, or None."""
        return None

    def refuses(self, contender: Contender) -> str | None:
        """Why `contender` has no part in this row, or None. Asked before anything is started."""
        return "as in loop mode" if contender.is_whole and not self.high_level else None

    def duration(self, settings: Settings) -> float:
        """About how many seconds one measurement takes on a quiet machine, starting and ending included."""
        return STARTING + settings.warmup + settings.seconds

    def measure(self, contender: Contender, settings: Settings) -> Sample:
        """Measure once, in fresh processes.

        Raises Skipped when the contender can't do what the row needs and Failed when it does it wrongly.
        """
        raise NotImplementedError
