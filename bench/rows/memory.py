"""Memory rows: the resident memory of a process, by what it grows with each connection, task or timer."""

from __future__ import annotations

from typing import Any

from ..contenders import Contender
from ..driven import DrivenRow
from ..machine import allow_descriptors
from ..native import program
from ..process import ask, child_command
from ..row import Failed, Sample, Settings
from .scheduler import InnerRow

ORDER = 6
GROUP = "memory"
SIZE = 1024
CROWD = 10_000
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
    server, generator, limit = "protocol", "crowd", "echo"

    def __init__(self) -> None:
        super().__init__("idle-memory", GROUP, "an idle connection", "bytes each", higher_is_better=False)

    def unavailable(self) -> str | None:
        return lacks_descriptors() or super().unavailable()

    def generator_command(self, port: int | str, pid: int, settings: Settings) -> list[str]:
        return [str(part) for part in (program(self.generator), port, CROWD, SIZE, pid)]

    def sample_of(self, result: dict[str, Any]) -> Sample:
        grown = result["after"] - result["before"]
        if grown <= 0:
            raise Failed(f"the server did not grow with {result['connections']} connections")
        return Sample(grown / result["connections"], {"before": result["before"], "after": result["after"]})


class InnerMemoryRow(InnerRow):
    """One figure out of what a function of bench.workloads.crowds finds."""

    def __init__(self, name: str, function: str, figure: str, title: str, unit: str) -> None:
        super().__init__(name, GROUP, title, unit, higher_is_better=False)
        self.function = function
        self.figure = figure

    def measure(self, contender: Contender, settings: Settings) -> Sample:
        result = ask(child_command("run", contender.name, "crowds", self.function), settings.cores.server,
                     patience=120)
        return Sample(result[self.figure], {name: value for name, value in result.items() if name != self.figure})


ROWS = [
    CrowdRow(),
    InnerMemoryRow("task-memory", "tasks", "each", "a waiting task", "bytes each"),
    InnerMemoryRow("timer-memory", "timers", "each", "a pending timer", "bytes each"),
    InnerMemoryRow("timers-cancelled", "timers", "left", "1,000,000 timers, cancelled", "% of their memory stays"),
]
