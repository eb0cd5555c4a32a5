"""The command line: ``python -m bench --help``."""

from __future__ import annotations

import argparse
import datetime
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import native, process, report, runner, table
from .contenders import CONTENDERS, OURS, by_name
from .machine import choose_cores, describe
from .progress import Progress, minutes
from .row import Settings
from .rows import all_rows, select

PUBLISHED = process.ROOT / "docs"
QUICK = {"rounds": 3, "seconds": 0.1, "warmup": 0.05}
FULL = {"rounds": 7, "seconds": 0.4, "warmup": 0.15}


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="python -m bench", description="Compare event loops for Python.")
    p.add_argument("--quick", action="store_true",
                   help="some of the rows, briefly: a first impression in a few minutes")
    p.add_argument("--rows", metavar="NAMES",
                   help="names or groups of rows, comma-separated, wildcards allowed")
    p.add_argument("--contenders", metavar="NAMES",
                   help=f"comma-separated, out of: {', '.join(c.name for c in CONTENDERS)}")
    p.add_argument("--rounds", type=int, help=f"rounds over all rows (default: {FULL['rounds']})")
    p.add_argument("--seconds", type=float, help=f"length of one measurement (default: {FULL['seconds']})")
    p.add_argument("--warmup", type=float, help=f"seconds of load before it (default: {FULL['warmup']})")
    p.add_argument("--output", type=Path, default=native.CACHE / "results", metavar="DIR",
                   help="where bench.json, bench.png and bench.svg go (default: build/bench/results)")
    p.add_argument("--seed", type=int, help="seed of the order of the contenders")
    p.add_argument("--list", action="store_true", help="list the rows and contenders, and end")
    p.add_argument("--publish", action="store_true",
                   help="also put the figures and the chart into docs/, where README.md shows them")
    p.add_argument("--redraw", type=Path, metavar="JSON", help="print and draw an earlier result again")
    return p


def names(text: str | None) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()] if text else []


def show_list() -> None:
    print("contenders:")
    for contender in CONTENDERS:
        print(f"  {contender.name:10} {contender.missing() or 'ready'}")
    print("rows:")
    for row in all_rows():
        print(f"  {row.name:22} {row.group}: {row.title}, {row.unit}")


def chosen_rows(options: argparse.Namespace) -> list:
    rows = all_rows()
    if options.rows:
        return select(names(options.rows), rows)
    return [row for row in rows if row.quick] if options.quick else rows


def settings_of(options: argparse.Namespace) -> tuple[int, Settings]:
    defaults = QUICK if options.quick else FULL
    given = {key: getattr(options, key) if getattr(options, key) is not None else value
             for key, value in defaults.items()}
    if given["rounds"] < 1 or given["seconds"] <= 0 or given["warmup"] < 0:
        raise ValueError("--rounds and --seconds must be greater than zero, --warmup not negative")
    return given["rounds"], Settings(given["seconds"], given["warmup"], choose_cores())


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run what the options ask for. Raises ValueError or KeyError, for the user to read."""
    rows = chosen_rows(options)
    wanted = [by_name(name) for name in names(options.contenders)] or list(CONTENDERS)
    rounds, settings = settings_of(options)
    rows, lacking = runner.available(rows)
    for name, reason in lacking.items():
        print(f"{name} left out: {reason}", file=sys.stderr)
    if not rows:
        raise ValueError(f"none of the rows can be measured here: {next(iter(lacking.values()))}")
    started, machine = datetime.datetime.now(datetime.UTC), describe()
    facts, absent = runner.probe(wanted)
    for name, reason in absent.items():
        print(f"{name} left out: {reason}", file=sys.stderr)
    contenders = [c for c in wanted if c.name not in absent]
    if not contenders:
        raise ValueError("no contender can run here")
    if settings.cores.server is None:
        print("only one core: server and load generator share it, so expect noise", file=sys.stderr)
    print(f"{len(rows)} rows, {len(contenders)} contenders, {rounds} rounds: about "
          f"{minutes(runner.estimate(rows, contenders, rounds, settings))} on a quiet machine", file=sys.stderr)
    seed = options.seed if options.seed is not None else random.randrange(2**32)
    progress = Progress(runner.turns(rows, rounds) * len(contenders), len(contenders), rounds)
    outcomes, complete = runner.run(rows, contenders, rounds, settings, random.Random(seed),
                                    progress.before, progress.after)
    progress.close()
    if complete < rounds:
        print(f"interrupted after {complete} of {rounds} rounds", file=sys.stderr)
    about = {
        "started": started.isoformat(timespec="seconds"),
        "settings": {"rounds": complete, "seconds": settings.seconds, "warmup": settings.warmup, "seed": seed,
                     "server_core": settings.cores.server, "generator_core": settings.cores.generator},
        "machine": machine, "versions": facts, "absent": absent, "lacking": lacking,
    }
    return report.build(rows, contenders, outcomes, about=about)


def draw(result: dict[str, Any], directory: Path, kinds: Sequence[str] = ("png", "svg")) -> None:
    """Draw the chart, or say what is missing."""
    if result["baseline"] is None:
        print("no chart: neither uvloop nor asyncio was measured, so there are no ratios", file=sys.stderr)
        return
    try:
        from .chart import draw_chart
    except ImportError as error:
        print(f"no chart: {error}; pip install matplotlib", file=sys.stderr)
        return
    for path in draw_chart(result, directory, kinds):
        print(path)


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: 1 when tulipa was to be measured and has not been, in any of the rows."""
    p = parser()
    options = p.parse_args(arguments)
    if sys.platform != "linux":
        p.error("the benchmark needs Linux: epoll, processor affinity, another process's CPU clock")
    if options.list:
        show_list()
        return 0
    try:
        result = report.read(options.redraw) if options.redraw else measure(options)
    except (ValueError, KeyError) as error:
        p.error(str(error.args[0]))
    if not options.redraw:
        report.write(result, options.output / "bench.json")
    failed, skipped = report.failures(result), report.skips(result)
    print(table.render(result, failed, skipped, colour=sys.stdout.isatty()), end="\n\n")
    if not options.redraw:
        print(options.output / "bench.json")
    draw(result, options.output)
    if options.publish:
        report.write(report.without_histograms(result), PUBLISHED / "bench.json")
        draw(result, PUBLISHED, ["png"])
    missing = {name for name, _, _ in failed} | result["absent"].keys()
    return int(not missing.isdisjoint(OURS))


if __name__ == "__main__":
    sys.exit(main())
