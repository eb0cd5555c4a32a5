"""Draws the ratios of a result as dot plots, one panel a group of rows, as PNG and SVG."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from .contenders import LIMIT, OURS

INK, FAINT, BAND = "#22252a", "#8a8f98", "#f5f6f8"
COLUMNS = 2
ROW_HEIGHT, PANEL_MARGIN, HEAD, FOOT = 0.44, 0.78, 1.35, 0.85      # inches
WIDTH = 12.0
LANES = 0.56                                       # share of a row's height over which the dots are spread
STYLE = {
    "font.family": "sans-serif", "font.size": 10, "text.color": INK, "axes.labelcolor": INK,
    "axes.edgecolor": "#d5d8dd", "xtick.color": FAINT, "ytick.color": INK, "svg.hashsalt": "tulipa",
}


def draw_chart(result: dict[str, Any], directory: Path) -> list[Path]:
    """Write bench.png and bench.svg into `directory`; returns their paths. The result needs a baseline."""
    directory.mkdir(parents=True, exist_ok=True)
    panels = [(group, list(rows)) for group, rows in groupby(result["rows"], key=lambda row: row["group"])]
    with rc_context(STYLE):
        figure = _figure(result, panels)
        paths = [directory / "bench.png", directory / "bench.svg"]
        figure.savefig(paths[0], dpi=160, facecolor="white")
        figure.savefig(paths[1], facecolor="white", metadata={"Date": None})
    return paths


def _figure(result: dict[str, Any], panels: list[tuple[str, list]]) -> Figure:
    lines = [panels[i:i + COLUMNS] for i in range(0, len(panels), COLUMNS)]
    heights = [max(len(rows) for _, rows in line) * ROW_HEIGHT for line in lines]
    total = HEAD + sum(heights) + (len(lines) - 1) * PANEL_MARGIN + FOOT
    figure = Figure(figsize=(WIDTH, total))
    grid = figure.add_gridspec(len(lines), COLUMNS, height_ratios=heights,
                               left=0.125, right=0.975, top=1 - HEAD / total, bottom=FOOT / total,
                               wspace=0.27, hspace=PANEL_MARGIN * len(lines) / sum(heights))
    limits = _limits(result)
    for i, line in enumerate(lines):
        for j, (group, rows) in enumerate(line):
            place = grid[i, :] if len(line) == 1 else grid[i, j]
            _panel(figure.add_subplot(place), group, rows, result, limits)
    _head_and_foot(figure, result, total)
    return figure


def _limits(result: dict[str, Any]) -> tuple[float, float]:
    """The range of the shared ratio axis, a little wider than the data."""
    ends = [end for row in result["rows"] for entry in row["results"].values()
            if "ratio" in entry for end in (entry["ratio"], *entry["ratio_spread"])]
    return min(ends) / 1.15, max(ends) * 1.25


def _panel(axes: Axes, group: str, rows: list[dict], result: dict[str, Any],
           limits: tuple[float, float]) -> None:
    axes.set_title(group, loc="left", fontsize=11.5, fontweight="bold", pad=7)
    axes.set_title(f"by {rows[0]['unit']}", loc="right", fontsize=8.5, color=FAINT, pad=7)
    axes.set_xscale("log", base=2)
    axes.set_xlim(*limits)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), [row["title"] for row in rows])
    axes.xaxis.set_major_locator(FixedLocator([2.0 ** k for k in range(-6, 8)]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}×"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.tick_params(length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.grid(axis="x", color="#e4e6ea", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.axvline(1.0, color=INK, linewidth=1.1, zorder=1.5)
    for y, row in enumerate(rows):
        if y % 2 == 0:
            axes.axhspan(y - 0.5, y + 0.5, color=BAND, zorder=0, linewidth=0)
        _dots(axes, y, row, result)


def _dots(axes: Axes, y: int, row: dict[str, Any], result: dict[str, Any]) -> None:
    """One row: a dot a contender, each on its own lane, with the spread over the rounds as a thin line."""
    names = list(result["contenders"])
    step = LANES / max(len(names) - 1, 1)
    for lane, name in enumerate(names):
        entry = row["results"][name]
        if "ratio" not in entry:
            continue
        height = y - LANES / 2 + lane * step
        colour = result["contenders"][name]["colour"]
        axes.plot(entry["ratio_spread"], [height, height], color=colour, linewidth=1.3, alpha=0.45, zorder=2)
        axes.plot(entry["ratio"], height, zorder=4 if name in OURS else 3, color=colour, **_marker(name))
        if name in OURS:
            axes.annotate(f"{entry['ratio']:.2f}×", (max(entry["ratio_spread"]), height), xytext=(6, 0),
                          textcoords="offset points", va="center", color=colour, fontsize=8.5,
                          fontweight="bold", zorder=5,
                          path_effects=[withStroke(linewidth=3, foreground="white")])


def _marker(name: str) -> dict[str, Any]:
    if name == LIMIT:
        return {"marker": "|", "markersize": 9, "markeredgewidth": 2.2, "linestyle": "none"}
    return {"marker": "o", "markersize": 8.5 if name in OURS else 6.5, "markeredgecolor": "white",
            "markeredgewidth": 0.8, "linestyle": "none"}


def _head_and_foot(figure: Figure, result: dict[str, Any], height: float) -> None:
    machine, settings = result["machine"], result["settings"]
    figure.text(0.02, 1 - 0.34 / height, "Event loops for Python",
                fontsize=17, fontweight="bold", va="center")
    figure.text(0.02, 1 - 0.68 / height,
                f"how many times as fast as {result['baseline']}; further right is better",
                fontsize=10.5, color=FAINT, va="center")
    handles = [Line2D([], [], color=about["colour"], label=_label(name, about, result), **_marker(name))
               for name, about in result["contenders"].items()]
    figure.legend(handles=handles, loc="upper right", bbox_to_anchor=(0.985, 1 - 0.14 / height),
                  frameon=False, ncols=(len(handles) + 1) // 2, columnspacing=1.6, handletextpad=0.3,
                  fontsize=9.5)
    facts = (f"{machine['cpu']}, {machine['kernel']}, Python {machine['python']}.  Dots: medians "
             f"(rounds: {settings['rounds']}, {settings['seconds']:g} s each); "
             "thin lines: spread over the rounds.")
    figure.text(0.02, 0.26 / height, facts, fontsize=8.5, color=FAINT, va="center")


def _label(name: str, about: dict[str, Any], result: dict[str, Any]) -> str:
    version = result["versions"].get(name, {}).get("version", "")
    return f"{about['title']} {version}".strip() + (" (the limit)" if name == LIMIT else "")
