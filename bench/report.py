"""The result as one dictionary, written as JSON; table and chart are made from it alone."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .contenders import BASELINES, Contender
from .row import Row
from .runner import Outcome, Outcomes
from .summary import summarise

FORMAT = 1                                         # raised when a field changes its meaning
NUMBERS = re.compile(r"\[[-+.,eE0-9\s\[\]]*\]")        # a list of numbers, or of lists of numbers


def baseline_of(rows: Sequence[Row], outcomes: Outcomes) -> str | None:
    """The first of BASELINES that was measured in any row, or None."""
    for name in BASELINES:
        if any((row.name, name) in outcomes and is_measured(outcomes[row.name, name]) for row in rows):
            return name
    return None


def is_measured(outcome: Outcome) -> bool:
    return outcome.is_open and bool(outcome.samples)


def _entry(outcome: Outcome, base: Outcome | None, higher_is_better: bool) -> dict[str, Any]:
    if outcome.failed is not None:
        return {"failed": outcome.failed}
    if outcome.skipped is not None:
        return {"skipped": outcome.skipped}
    if not outcome.samples:
        return {"skipped": "interrupted before it was measured"}
    comparable = base is not None and is_measured(base)
    return summarise(outcome.samples, base.samples if comparable else None, higher_is_better)


def build(rows: Sequence[Row], contenders: Sequence[Contender], outcomes: Outcomes, *,
          about: dict[str, Any]) -> dict[str, Any]:
    """The whole result. `about` says how and where it was measured and is taken over as it is."""
    baseline = baseline_of(rows, outcomes)
    lines = []
    for row in rows:
        base = outcomes[row.name, baseline] if baseline else None
        lines.append({
            "name": row.name, "group": row.group, "title": row.title, "unit": row.unit,
            "higher_is_better": row.higher_is_better,
            "results": {c.name: _entry(outcomes[row.name, c.name], base, row.higher_is_better)
                        for c in contenders},
        })
    return {
        "format": FORMAT,
        **about,
        "baseline": baseline,
        "contenders": {c.name: {"title": c.title, "colour": c.colour} for c in contenders},
        "rows": lines,
    }


def without_histograms(result: dict[str, Any]) -> dict[str, Any]:
    """The result without the latencies' histograms, which are most of it; the percentiles stay."""
    rows = [{**row, "results": {name: {key: value for key, value in entry.items() if key != "histogram_us"}
                                for name, entry in row["results"].items()}} for row in result["rows"]]
    return {**result, "rows": rows}


def write(result: dict[str, Any], path: Path) -> None:
    """Write the result as JSON, lists of numbers on one line each."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=1, ensure_ascii=False)
    text = NUMBERS.sub(lambda found: " ".join(found[0].split()), text)
    path.write_text(text + "\n", encoding="utf-8")


def read(path: Path) -> dict[str, Any]:
    """A result that `write` wrote. Raises ValueError when the file is not one."""
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is not a result of the benchmark: {error}") from error
    if not isinstance(result, dict) or result.get("format") != FORMAT:
        raise ValueError(f"{path} is not a result of the benchmark in format {FORMAT}: measure again")
    return result


def failures(result: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Every (contender, row, reason) where a contender broke."""
    return [(name, row["name"], entry["failed"])
            for row in result["rows"] for name, entry in row["results"].items() if "failed" in entry]


def skips(result: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Every (contender, row, reason) where a contender had no part."""
    return [(name, row["name"], entry["skipped"])
            for row in result["rows"] for name, entry in row["results"].items() if "skipped" in entry]
