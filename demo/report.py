"""What the demo shows: progress while it works, then the table."""

import math
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from demo.load import Round

HEADINGS = (
    *("asyncio\nreq/s", "tulipa\nreq/s", "\nratio"),
    *("asyncio\nCPU µs", "tulipa\nCPU µs", "\nratio"),
    *("asyncio\np50/p99", "tulipa\np50/p99 ms"),
)
BUSY = 0.9  # a server that used less of its CPU was waiting
BETTER, WORSE = "bold green", "red"


class Results:
    """The rounds of one workload on one server."""

    def __init__(self, rounds: list[Round]) -> None:
        latencies = array("d")
        for one in rounds:
            latencies.extend(one.latencies)
        ordered = sorted(latencies)
        self.requests = len(ordered)
        self.rate = median(one.requests / one.seconds for one in rounds)
        self.cpu = median(one.server_cpu / one.requests for one in rounds)
        self.p50, self.p99 = percentile(ordered, 0.50), percentile(ordered, 0.99)
        self.busy = sum(one.server_cpu for one in rounds) / sum(one.seconds for one in rounds) >= BUSY


def percentile(ordered: list[float], share: float) -> float:
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


class Reporter:
    """A bar on a terminal; elsewhere, one line for each finished step."""

    def __init__(self, console: Console) -> None:
        self.console = console

    @contextmanager
    def steps(self, total: int) -> Iterator[None]:
        self._progress = Progress(
            SpinnerColumn(),
            BarColumn(bar_width=28),
            TaskProgressColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.description}"),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
            refresh_per_second=5,
        )
        with self._progress:
            self._task = self._progress.add_task("starting", total=total)
            yield

    def begin(self, what: str) -> None:
        self._progress.update(self._task, description=what)

    def finish(self, what: str, outcome: str) -> None:
        self._progress.advance(self._task)
        if not self.console.is_terminal:
            self.console.print(f"{what}: {outcome}")


def comparison(rows: list[tuple[str, Results, Results]]) -> Table:
    """The table: each row a workload, its results on the standard loop and on tulipa."""
    table = Table(box=box.SIMPLE_HEAD, padding=0, header_style="bold")
    table.add_column("\nworkload", no_wrap=True)
    for heading in HEADINGS:
        table.add_column(heading, justify="right", no_wrap=True)
    for title, standard, tulipa in rows:
        table.add_row(
            title + ("" if standard.busy and tulipa.busy else "*"),
            rate(standard.rate),
            rate(tulipa.rate),
            ratio(tulipa.rate / standard.rate, more_is_better=True),
            cpu_time(standard.cpu),
            cpu_time(tulipa.cpu),
            ratio(tulipa.cpu / standard.cpu, more_is_better=False),
            latencies(standard),
            latencies(tulipa),
        )
    return table


def rate(per_second: float) -> str:
    return f"{per_second:,.0f}" if per_second >= 100 else f"{per_second:.1f}"


def cpu_time(seconds: float) -> str:
    return f"{seconds * 1e6:,.0f}"


def ratio(value: float, *, more_is_better: bool) -> str:
    better = value > 1 if more_is_better else value < 1
    return f"[{BETTER if better else WORSE}]{value:.2f}×[/]"


def latencies(results: Results) -> str:
    return f"{milliseconds(results.p50)}/{milliseconds(results.p99)}"


def milliseconds(seconds: float) -> str:
    value = seconds * 1e3
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def notes(rows: list[tuple[str, Results, Results]], verified: int, archive_mebibytes: int) -> Iterator[str]:
    yield f"All {verified:,} replies were verified byte for byte; not one was wrong."
    yield f"A download or upload is {archive_mebibytes} MiB. CPU is the server's, for each request."
    yield "Ratio: tulipa / asyncio; above 1 is better for requests, below 1 for CPU."
    if not all(result.busy for _, *pair in rows for result in pair):
        yield "*: a server didn't have work or its CPU all the time; rather compare CPU."
