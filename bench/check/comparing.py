"""Counts against the table: what is expected here, and what is too far from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..summary import geometric_mean

TABLE = Path(__file__).resolve().parent / "table.json"
TOLERANCE = 0.05
FOREIGN_TOLERANCE = 0.15                           # with another compiler, C library, Python or valgrind

Table = dict[str, dict[str, Any]]                  # by kind of Python: made_with, reference, operations


@dataclass(frozen=True)
class Line:
    """One operation: instructions expected and found."""

    name: str
    expected: float
    found: float

    @property
    def change(self) -> float:
        """More than zero is slower."""
        return self.found / self.expected - 1


def scale_of(reference: Mapping[str, float], then: Mapping[str, float]) -> float:
    """How many times as many instructions the standard library needs here, for the same work."""
    return geometric_mean([reference[name] / then[name] for name in then if name in reference])


def compare(entry: Mapping[str, Any], reference: Mapping[str, float], counts: Mapping[str, float]) -> list[Line]:
    """A line for each operation that is both in the table and counted."""
    scale = scale_of(reference, entry["reference"])
    return [Line(name, scale * entry["operations"][name], found)
            for name, found in counts.items() if name in entry["operations"]]


def tolerance_of(entry: Mapping[str, Any], made_with: Mapping[str, str]) -> float:
    """Wider where the same source need not become the same instructions."""
    return TOLERANCE if entry["made_with"] == made_with else FOREIGN_TOLERANCE


def differences(entry: Mapping[str, Any], made_with: Mapping[str, str]) -> list[str]:
    """What is otherwise than when the table was made, in words."""
    return [f"{name} {made_with.get(name)} instead of {then}"
            for name, then in entry["made_with"].items() if made_with.get(name) != then]


def read_table(path: Path = TABLE) -> Table:
    """The table; empty when there is none yet."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def write_entry(kind: str, made_with: Mapping[str, str], reference: Mapping[str, float],
                counts: Mapping[str, float], path: Path = TABLE) -> None:
    """Put what was counted into the table."""
    table = read_table(path)
    table[kind] = {"made_with": dict(made_with),
                   "reference": {name: round(count) for name, count in reference.items()},
                   "operations": {name: round(count) for name, count in counts.items()}}
    path.write_text(json.dumps(dict(sorted(table.items())), indent=1) + "\n", encoding="utf-8")
