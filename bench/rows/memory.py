"""Memory rows: the resident memory of a process, by what it grows with each connection, task or timer."""

from __future__ import annotations

from typing import Any

from ..contenders import Contender
from ..driven import DrivenRow
from ..machine import allow_descriptors
from ..native import program
from ..process import ask, child_command
from ..row import Failed, Sample, Settings
from .scheduler import MILLION_SECONDS, InnerRow

ORDER = 6
GROUP, UNIT = "memory", "bytes each"
SIZE = 1024
ROUNDS = 3                                         # are enough: the figures differ by less than one per cent
CROWD = 10_000
CROWD_SECONDS, TASKS_SECONDS = 2.5, 1.5            # how long it takes
OTHERS = 200                                       # descriptors that are not connections of the crowd


def lacks_descriptors() -> str | None:
    """What is missing for the crowd, or None."""
    allowed = allow_descriptors(CROWD + OTHERS)
    if allowed < CROWD + OTHERS:
        return f"needs {CROWD + OTHERS:,} descriptors in a process, the limit is {allowed:,} (ulimit -Hn)"
    return None


class CrowdRow(DrivenRow):
    """A server with 10,000 connections that were used once and are idle, per connection."""

    patience = 120.0
    most_rounds = ROUNDS
    server, generator, limit = "protocol", "crowd", "echo"

    def __init__(self) -> None:
        super().__init__("idle-memory", GROUP, "an idle connection", UNIT, higher_is_better=False)

    def unavailable(self) -> str | None:
        return lacks_descriptors() or super().unavailable()

    def duration(self, settings: Settings) -> float:
        return CROWD_SECONDS

    def generator_command(self, port: int | str, pid: int, settings: Settings) -> list[str]:
        return [str(part) for part in (program(self.generator), port, CROWD, SIZE, pid)]

    def sample_of(self, result: dict[str, Any]) -> Sample:
        grown = result["after"] - result["before"]
        if grown <= 0:
            raise Failed(f"the server did not grow with {result['connections']} connections")
        return Sample(grown / result["connections"], {"before": result["before"], "after": result["after"]})


class InnerMemoryRow(InnerRow):
    """One figure out of what a function of bench.workloads.crowds finds."""

    most_rounds = ROUNDS

    def __init__(self, name: str, function: str, figure: str, title: str, group: str = GROUP,
                 unit: str = UNIT) -> None:
        super().__init__(name, group, title, unit, higher_is_better=False)
        self.function = function
        self.figure = figure

    def duration(self, settings: Settings) -> float:
        return MILLION_SECONDS if self.function == "timers" else TASKS_SECONDS

    def measure(self, contender: Contender, settings: Settings) -> Sample:
        result = ask(child_command("run", contender.name, "crowds", self.function), settings.cores.server,
                     patience=120)
        return Sample(result[self.figure], {name: value for name, value in result.items() if name != self.figure})


ROWS = [
    CrowdRow(),
    InnerMemoryRow("task-memory", "tasks", "each", "a waiting task"),
    InnerMemoryRow("timer-memory", "timers", "each", "a pending timer"),
    InnerMemoryRow("timers-cancelled", "timers", "left", "after a million", "cancelled timers",
                   "% of their memory that stays"),
]
