"""Runs CPython's tests of asyncio on tulipa, on every Python found, and compares with the list of known failures.

Needs the standard library only. See docs/conformance.md.
"""

import argparse
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from conformance import listing
from conformance.running import Suite

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import legs  # noqa: E402  # beside the Makefile's other tools
import pythons  # noqa: E402


def main():
    parser = argparse.ArgumentParser(prog="make conformance", description=__doc__.partition("\n")[0])
    parser.add_argument("--python", default=sys.executable, help="the main Python (default: the running one)")
    parser.add_argument("--series", default="", help="only these, for example: '3.11 3.13'")
    parser.add_argument("--in", dest="interpreter", help="run in this interpreter, which has tulipa installed")
    parser.add_argument("--only", default="", help="only tests whose names contain this; shows tracebacks")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="processes at a time")
    parser.add_argument("--update", action="store_true", help="rewrite the list; new entries need a reason")
    options = parser.parse_args()

    known = listing.read()
    good = True
    for series, python in interpreters(options):
        begun = time.monotonic()
        suite = Suite(python, options.only)
        with ThreadPoolExecutor(options.jobs) as pool:
            outcomes = suite.run(pool)
        if options.update:
            known.update(series, outcomes)
            known.write()
        report = known.compare(series, outcomes, partial=bool(options.only))
        for later, forms in known.newer_forms(series).items():
            later_python = pythons.find_python(later)
            if later_python and not options.update:
                report.add_newer(suite.run_newer(later_python, forms))
        print(report.text(time.monotonic() - begun), flush=True)
        good = good and report.good
    return 0 if good else 1


def interpreters(options):
    """(series, python) of each interpreter that has tulipa, compiled, installed as a user would."""
    if options.interpreter:
        yield legs.describe(options.interpreter).split()[0], os.path.abspath(options.interpreter)
        return
    found, missing = legs.find_legs(options.python)
    wanted = options.series.split()
    for leg in sorted((leg for leg in found if leg.mode == "compiled"), key=lambda leg: int(leg.series[2:])):
        if wanted and leg.series not in wanted:
            continue
        legs.ENVIRONMENTS.mkdir(exist_ok=True)
        if not leg.install():
            raise SystemExit(1)
        yield leg.series, str(leg.own_python)
    for series in set(missing) & set(wanted) if wanted else missing:
        print(f"{series}: skipped, no working python{series} on the PATH or in pyenv")


if __name__ == "__main__":
    sys.exit(main())
