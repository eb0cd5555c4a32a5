"""Shows how far a run is: one live line on a terminal, a line a row and round elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TextIO

from .contenders import Contender
from .row import Row
from .runner import Outcome
from .table import figure

BAR = 24


def minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


class Progress:
    """Counts measurements; `total` is rounds × rows × contenders, skipped ones included."""

    def __init__(self, total: int, contenders: int, rounds: int, out: TextIO = sys.stderr) -> None:
        self._total = total
        self._contenders = contenders
        self._rounds = rounds
        self._out = out
        self._live = out.isatty()
        self._done = 0
        self._measured = 0
        self._seconds = 0.0
        self._begin = 0.0
        self._line: list[str] = []

    def before(self, number: int, row: Row, contender: Contender, outcome: Outcome) -> None:
        """A measurement begins."""
        self._begin = time.monotonic()
        if self._live:
            filled = BAR * self._done // self._total
            bar = "█" * filled + "░" * (BAR - filled)
            where = f"round {number}/{self._rounds}  {row.name}  {contender.title}"
            self._out.write(f"\r\x1b[K{bar} {where}{self._left()}")
            self._out.flush()

    def after(self, number: int, row: Row, contender: Contender, outcome: Outcome) -> None:
        """A measurement ended, or was left out because the contender is out of this row."""
        self._done += 1
        if outcome.is_open:
            self._measured += 1
            self._seconds += time.monotonic() - self._begin
            self._line.append(f"{contender.name} {figure(outcome.samples[-1].value)}")
        elif outcome.failed:
            self._line.append(f"{contender.name} failed")
        if self._done % self._contenders == 0:
            self._end_of_row(number, row)

    def _end_of_row(self, number: int, row: Row) -> None:
        if not self._live:
            figures = "  ".join(sorted(self._line))
            print(f"[{self._done}/{self._total}] round {number}  {row.name}: {figures}{self._left()}",
                  file=self._out, flush=True)
        self._line.clear()

    def _left(self) -> str:
        if not self._measured:
            return ""
        return f"  ({minutes(self._seconds / self._measured * (self._total - self._done))} left)"

    def close(self) -> None:
        """Clear the live line."""
        if self._live:
            self._out.write("\r\x1b[K")
            self._out.flush()
