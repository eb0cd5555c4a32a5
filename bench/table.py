"""The result as text for the terminal: main figures with their ratios, then wall-clock figures."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Any

from .contenders import LIMIT, OURS
from .summary import geometric_mean

BOLD, DIM, PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"
GAP = 2
NOISY = 1.5                                        # greatest ratio of a cell over its least

Cell = Callable[[dict[str, Any]], str]             # the figures of one contender in one row -> text


def figure(value: float) -> str:
    """A number in few characters: 8,123 or 88.1k or 1.35M or 4.25."""
    if value >= 1e6:
        return f"{value / 1e6:.2f}M"
    if value >= 1e4:
        return f"{value / 1e3:.1f}k"
    return f"{value:,.0f}" if value >= 10 else f"{value:.2f}"


def main_cell(entry: dict[str, Any]) -> str:
    text = figure(entry["median"])
    if "ratio" not in entry:
        return text
    low, high = entry["ratio_spread"]
    return f"{text} {entry['ratio']:5.2f}× {'±' + format((high - low) / 2 / entry['ratio'], '.0%'):>4}"


def wall_cell(entry: dict[str, Any]) -> str:
    return f"{figure(entry['wall_rps'])}  {entry['p50_us']:,.0f}/{entry['p99_us']:,.0f}"


def no_figures(entry: dict[str, Any]) -> str:
    return "failed" if "failed" in entry else "–"


class Grid:
    """Lines of cells, aligned when printed; the first column to the left, the others to the right."""

    def __init__(self, colour: bool) -> None:
        self._colour = colour
        self._lines: list[tuple[list[str], set[int], str]] = []     # (cells, bold columns, style of the line)

    def add(self, cells: list[str], bold: set[int] = frozenset(), style: str = "") -> None:
        self._lines.append((cells, set(bold), style))

    def text(self) -> str:
        columns = max(len(cells) for cells, _, _ in self._lines)
        full = [cells for cells, _, _ in self._lines if len(cells) == columns]
        widths = [max(map(len, column)) for column in zip(*full)]
        return "\n".join(self._line(*line, widths).rstrip() for line in self._lines)

    def _line(self, cells: list[str], bold: set[int], style: str, widths: list[int]) -> str:
        if len(cells) == 1:                        # a heading across the table
            return self._styled(cells[0], style)
        parts = [cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(cells, widths))]
        parts = [self._styled(part, BOLD if i in bold else style) for i, part in enumerate(parts)]
        return (" " * GAP).join(parts)

    def _styled(self, text: str, style: str) -> str:
        return f"{style}{text}{PLAIN}" if self._colour and style else text


def _best(row: dict[str, Any], names: list[str]) -> set[int]:
    """The column of the best Python contender (the raw C server only marks the limit)."""
    values = {i: row["results"][name]["median"] for i, name in enumerate(names, 1)
              if name != LIMIT and "median" in row["results"][name]}
    if not values:
        return set()
    return {(max if row["higher_is_better"] else min)(values, key=values.__getitem__)}


def _means(rows: list[dict[str, Any]], names: list[str]) -> list[str] | None:
    cells = []
    for name in names:
        ratios = [row["results"][name].get("ratio") for row in rows]
        cells.append("" if None in ratios else f"{geometric_mean(ratios):.2f}×")
    return ["  geometric mean", *cells] if len(rows) > 1 and any(cells) else None


def grid_of(result: dict[str, Any], rows: list[dict[str, Any]], cell: Cell, *,
            colour: bool, means: bool) -> str:
    """A table of `rows`, one section a group."""
    names = list(result["contenders"])
    grid = Grid(colour)
    grid.add(["", *(result["contenders"][name]["title"] for name in names)], style=BOLD)
    for group, members in groupby(rows, key=lambda row: row["group"]):
        section = list(members)
        grid.add([f"{group}, {section[0]['unit']}" if means else group], style=DIM)
        for row in section:
            entries = [row["results"][name] for name in names]
            cells = [cell(entry) if "median" in entry else no_figures(entry) for entry in entries]
            grid.add([f"  {row['title']}", *cells], bold=_best(row, names) if means else set())
        mean = _means(section, names) if means else None
        if mean:
            grid.add(mean, style=DIM)
    return grid.text()


def _versions(result: dict[str, Any]) -> str:
    parts = []
    for name, facts in result["versions"].items():
        extra = ["interpreted"] if facts.get("compiled") is False else []
        extra += [facts["driver"]] if "driver" in facts else []
        parts.append(f"{name} {facts['version']}" + (f" ({', '.join(extra)})" if extra else ""))
    return ", ".join(parts)


def _notes(result: dict[str, Any], reasons: list[tuple[str, str, str]], word: str) -> list[str]:
    """One line a contender and reason, with the rows or whole groups of rows it concerns."""
    titles = {name: about["title"] for name, about in result["contenders"].items()}
    concerned: dict[tuple[str, str], set[str]] = {}
    for name, row, reason in reasons:
        concerned.setdefault((name, reason), set()).add(row)
    return [f"{titles[name]} {word} {_places(result['rows'], names)}: {reason}"
            for (name, reason), names in concerned.items()]


def _places(rows: list[dict[str, Any]], names: set[str]) -> str:
    """The rows of these names in few words: a group's name for all its rows."""
    words = []
    for group, members in groupby(rows, key=lambda row: row["group"]):
        all_names = [row["name"] for row in members]
        words += [group] if names.issuperset(all_names) else [name for name in all_names if name in names]
    return ", ".join(words)


def _leaky(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Contenders that do not close a connection at end of file: (name, the rows)."""
    found: dict[str, set[str]] = {}
    for row in rows:
        for name, entry in row["results"].items():
            if entry.get("left_open"):
                found.setdefault(name, set()).add(row["name"])
    return [(name, _places(rows, names)) for name, names in found.items()]


def render(result: dict[str, Any], failed: list, skipped: list, *, colour: bool) -> str:
    """Everything the terminal shows at the end."""
    machine, rows = result["machine"], result["rows"]
    blocks = [f"{machine['cpu']}, {machine['kernel']}, Python {machine['python']}; {_versions(result)}"]
    blocks.append(grid_of(result, rows, main_cell, colour=colour, means=True))
    walled = [row for row in rows if any("wall_rps" in entry for entry in row["results"].values())]
    if walled:
        blocks.append("Wall clock: requests per second, latency p50/p99 in µs")
        blocks.append(grid_of(result, walled, wall_cell, colour=colour, means=False))
    blocks.append("\n".join(_remarks(result, failed, skipped)))
    return "\n\n".join(blocks)


def _remarks(result: dict[str, Any], failed: list, skipped: list) -> list[str]:
    """How to read the tables, who is missing from them and why."""
    rounds = result["settings"]["rounds"]
    notes = ["One round only: a first impression." if rounds == 1 else f"Medians of {rounds} rounds."]
    if result["baseline"]:
        notes.append(f"× compares with {result['baseline']}: more is better, for times too; "
                     "± is half of the way from its least to its greatest in one round; bold is the best Python loop.")
    spreads = [entry["ratio_spread"] for row in result["rows"] for entry in row["results"].values()
               if "ratio_spread" in entry]
    noisy = sum(high > NOISY * low for low, high in spreads)
    if noisy:
        notes.append(f"In {noisy} of {len(spreads)} places the ratio varied by more than {NOISY - 1:.0%} "
                     "between rounds: measure again on an idle machine before trusting those.")
    notes += [f"{name} left out: {reason}" for name, reason in result["absent"].items()]
    notes += [f"{name} left out: {reason}" for name, reason in result.get("lacking", {}).items()]
    notes += _notes(result, [s for s in skipped if s[0] != LIMIT], "skipped")
    notes += _notes(result, failed, "FAILED")
    notes += [f"{name} leaves connections open after the client's end of file ({where})"
              for name, where in _leaky(result["rows"])]
    if any(result["versions"].get(name, {}).get("compiled") is False for name in OURS):
        notes.append("tulipa runs interpreted here; its figures say nothing about the compiled package.")
    return notes
