"""Draws one picture of a result, PNG and SVG: each row's ratios to the baseline on one line, groups under headings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from .contenders import LIMIT, OURS
from .summary import Lines, columns_of, ratios_of

INK, FAINT, BAND, GRID = "#22252a", "#7d838c", "#f6f7f9", "#e4e6ea"
WIDTH, LINE, HEAD, FOOT = 13.0, 0.2, 1.05, 0.55    # inches; one line a row and a heading
LEFTS, AXES_WIDTH = (0.15, 0.645), 0.265          # shares of the width: labels left of the axes, figures right of them
LEAST, MOST = 1 / 5, 8.0                           # of the ratio axis; what lies beyond is drawn at its end
FIGURES = (1.13, 1.30)                             # where the figures of OURS end, in widths of the axes
STYLE = {
    "font.family": "sans-serif", "font.size": 8.5, "text.color": INK, "axes.labelcolor": INK,
    "axes.edgecolor": "#d5d8dd", "xtick.color": FAINT, "ytick.color": INK, "svg.hashsalt": "tulipa",
}


def draw_chart(result: dict[str, Any], directory: Path, kinds: Sequence[str]) -> list[Path]:
    """Write bench.png, bench.svg into `directory`; returns their paths. The result needs a baseline."""
    directory.mkdir(parents=True, exist_ok=True)
    with rc_context(STYLE):
        figure = _figure(result)
        paths = [directory / f"bench.{kind}" for kind in kinds]
        for path in paths:
            undated = {"Date": None} if path.suffix == ".svg" else {}
            figure.savefig(path, dpi=130, facecolor="white", metadata=undated)
    return paths


def _figure(result: dict[str, Any]) -> Figure:
    columns = columns_of(result["rows"])
    lines = max(map(len, columns))
    height = HEAD + lines * LINE + FOOT
    figure = Figure(figsize=(WIDTH, height))
    for left, column in zip(LEFTS, columns):
        if column:
            axes = figure.add_axes((left, FOOT / height, AXES_WIDTH, lines * LINE / height))
            _column(axes, column, lines, result)
    _head_and_foot(figure, result, height)
    return figure


def _column(axes: Axes, column: Lines, lines: int, result: dict[str, Any]) -> None:
    axes.set_xscale("log", base=2)
    axes.set_xlim(LEAST, MOST)
    axes.set_ylim(lines - 0.5, -0.5)
    axes.set_yticks([])
    axes.xaxis.set_major_locator(FixedLocator([2.0 ** k for k in range(-2, 4)]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}×"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.tick_params(length=0, labelsize=8)
    for side in axes.spines.values():
        side.set_visible(False)
    bottom = len(column) - 0.5
    axes.vlines([2.0 ** k for k in range(-2, 4)], bottom, -0.5, color=GRID, linewidth=0.7, zorder=1)
    axes.vlines([1.0], bottom, -0.5, color=INK, linewidth=1.0, zorder=1.5)
    beside = axes.get_yaxis_transform()            # across in widths of the axes, down in lines
    for y, (kind, row) in enumerate(column):
        if kind == "group":
            axes.text(-0.02, y + 0.1, row["group"], transform=beside, ha="right", va="center", fontweight="bold")
            axes.text(0.995, y + 0.1, row["unit"], transform=beside, ha="right", va="center", fontsize=7, color=FAINT,
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6}, zorder=2)
        else:
            _row(axes, y, row, result, beside)


def _row(axes: Axes, y: int, row: dict[str, Any], result: dict[str, Any], beside: Any) -> None:
    """One line: label, dots, and the figures of OURS."""
    ratios, foreign = ratios_of(row, result["baseline"])
    axes.axhspan(y - 0.42, y + 0.42, color=BAND, zorder=0, linewidth=0)
    title = row["title"] + (" *" if foreign and ratios else "")
    axes.text(-0.02, y, title, transform=beside, ha="right", va="center", fontsize=8)
    ours = [ratios[name] for name in OURS if name in ratios]
    if ours:
        axes.plot([1.0, _within(max(ours))], [y, y], color=result["contenders"][_best_of_ours(ratios)]["colour"],
                  linewidth=2.2, alpha=0.22, zorder=2, solid_capstyle="butt")
    for name, ratio in ratios.items():
        axes.plot(_within(ratio), y, color=result["contenders"][name]["colour"],
                  zorder=4 if name in OURS else 3, clip_on=False, **_marker(name, ratio))
    for name, place in zip(OURS, FIGURES):
        if name in ratios:
            axes.text(place, y, f"{ratios[name]:.2f}×", transform=beside, ha="right", va="center", fontsize=8,
                      fontweight="bold", color=result["contenders"][name]["colour"])


def _best_of_ours(ratios: dict[str, float]) -> str:
    return max((name for name in OURS if name in ratios), key=ratios.__getitem__)


def _within(ratio: float) -> float:
    return min(max(ratio, LEAST), MOST)


def _marker(name: str, ratio: float = 1.0) -> dict[str, Any]:
    if ratio < LEAST or ratio > MOST:
        return {"marker": "<" if ratio < LEAST else ">", "markersize": 5, "linestyle": "none"}
    if name == LIMIT:
        return {"marker": "|", "markersize": 8, "markeredgewidth": 2, "linestyle": "none"}
    return {"marker": "o", "markersize": 6.5 if name in OURS else 4.6, "markeredgecolor": "white",
            "markeredgewidth": 0.6, "linestyle": "none"}


def _head_and_foot(figure: Figure, result: dict[str, Any], height: float) -> None:
    machine, settings = result["machine"], result["settings"]
    figure.text(0.02, 1 - 0.3 / height, "Event loops for Python", fontsize=16, fontweight="bold", va="center")
    figure.text(0.02, 1 - 0.6 / height, f"How many times as fast, or as small, as {result['baseline']}: further right "
                "is better.", fontsize=9.5, color=FAINT, va="center")
    handles = [Line2D([], [], color=about["colour"], label=_label(name, about, result), **_marker(name))
               for name, about in result["contenders"].items()]
    figure.legend(handles=handles, loc="upper right", bbox_to_anchor=(0.99, 1 - 0.1 / height), frameon=False,
                  ncols=(len(handles) + 1) // 2, columnspacing=1.4, handletextpad=0.2, fontsize=8.5)
    for left in LEFTS:
        for name, place, word in zip(OURS, FIGURES, ("loop", "full")):
            if name in result["contenders"]:
                figure.text(left + place * AXES_WIDTH, 1 - (HEAD - 0.1) / height, word, ha="right", va="center",
                            fontsize=8, color=result["contenders"][name]["colour"])
    facts = (f"{machine['cpu']}, {machine['kernel']}, Python {machine['python']}. Medians (rounds: "
             f"{settings['rounds']}, {settings['seconds']:g} s each). Where {result['baseline']} takes no part (*), "
             "the best other loop is 1×. Triangles: beyond the axis.")
    figure.text(0.02, 0.18 / height, facts, fontsize=8, color=FAINT, va="center")


def _label(name: str, about: dict[str, Any], result: dict[str, Any]) -> str:
    version = result["versions"].get(name, {}).get("version", "")
    return f"{about['title']} {version}".strip() + (" (the limit)" if name == LIMIT else "")
