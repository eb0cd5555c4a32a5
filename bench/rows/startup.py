"""Start-up rows: what a program pays before its first loop turns."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

from ..contenders import Contender
from ..process import ask
from ..row import Row, Sample, Settings

ORDER = 8
SCRIPT = Path(__file__).resolve().parent.parent / "startup.py"
PROCESS_SECONDS = 0.1
LEAST = 3                                          # processes a measurement
ROWS_BY_FIGURE = {                                 # figure of bench/startup.py: name, title
    "import": ("import", "import the package"),
    "loop": ("first-loop", "first loop made and closed"),
}


class StartRow(Row):
    """Milliseconds of processor time: the median of as many fresh processes as fit into the asked time."""

    high_level = True

    def __init__(self, figure: str) -> None:
        name, title = ROWS_BY_FIGURE[figure]
        super().__init__(name, "start-up", title, "ms of CPU", higher_is_better=False, quick=True)
        self.figure = figure

    def refuses(self, contender: Contender) -> str | None:
        return "it has nothing to import" if contender.is_native else super().refuses(contender)

    def duration(self, settings: Settings) -> float:
        return max(settings.seconds, LEAST * PROCESS_SECONDS) + PROCESS_SECONDS / 2

    def measure(self, contender: Contender, settings: Settings) -> Sample:
        more = [contender.upon] if contender.upon else ["--install"] if contender.is_whole else []
        command = [sys.executable, "-I", str(SCRIPT), contender.module, contender.factory, *more]
        found = []
        deadline = time.monotonic() + settings.seconds
        while len(found) < LEAST or time.monotonic() < deadline:
            found.append(ask(command, settings.cores.server))
        cpu, wall = (statistics.median(times[f"{self.figure}_{clock}_ns"] for times in found) / 1e6
                     for clock in ("cpu", "wall"))
        return Sample(cpu, {"wall_ms": wall, "processes": len(found)})


ROWS = [*map(StartRow, ROWS_BY_FIGURE)]
