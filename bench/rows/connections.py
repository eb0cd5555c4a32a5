"""What connections cost apart from their traffic: coming and going, and staying without doing anything."""

from __future__ import annotations

from typing import Any

from ..driven import DrivenRow
from ..machine import allow_descriptors
from ..native import program
from ..row import Failed, Sample, Settings

ORDER = 5
AT_ONCE = 10
SIZE = 1024
CROWD = 10_000
OTHERS = 200                                       # descriptors that are not connections of the crowd


class VisitRow(DrivenRow):
    """Ten at once: connect, one message and its echo, close from both sides."""

    server, generator, limit = "protocol", "visits", "echo"
    load = (AT_ONCE, SIZE)

    def __init__(self) -> None:
        super().__init__("visits", "connections", "accept, echo, close", "connections per server-CPU-second",
                         higher_is_better=True, quick=True)


class CrowdRow(DrivenRow):
    """Resident memory of the server, with 10,000 connections that were used once and are idle, per connection."""

    patience = 120.0
    server, generator, limit = "protocol", "crowd", "echo"

    def __init__(self) -> None:
        super().__init__("idle-memory", "memory", f"{CROWD:,} idle", "bytes per idle connection",
                         higher_is_better=False)

    def unavailable(self) -> str | None:
        allowed = allow_descriptors(CROWD + OTHERS)
        if allowed < CROWD + OTHERS:
            return f"needs {CROWD + OTHERS:,} descriptors in a process, the limit is {allowed:,} (ulimit -Hn)"
        return super().unavailable()

    def generator_command(self, port: int, pid: int, settings: Settings) -> list[str]:
        return [str(part) for part in (program(self.generator), port, CROWD, SIZE, pid)]

    def sample_of(self, result: dict[str, Any]) -> Sample:
        grown = result["after"] - result["before"]
        if grown <= 0:
            raise Failed(f"the server did not grow with {result['connections']} connections")
        return Sample(grown / result["connections"], {"before": result["before"], "after": result["after"]})


ROWS = [VisitRow(), CrowdRow()]
