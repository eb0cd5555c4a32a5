"""The command: python -m bench.check [--update]; ``make bench-check`` prepares the environment first."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys

import tulipa

from ..native import NoCompiler, compiler
from . import comparing, counting

TIMES = 1000                                       # of each operation; whole bursts of the workloads
STANDARD, OURS = "std", "tulipa-full"
REFERENCE = ("scheduler.sleep0", "scheduler.spawn", "synchronisation.queue", "transports.protocol_echo")
OPERATIONS = (
    *(f"scheduler.{name}" for name in ("sleep0", "spawn", "gather", "task_group", "call_soon", "call_later",
                                       "timeout", "wait_for")),
    *(f"synchronisation.{name}" for name in ("queue", "event", "lock")),
    *(f"transports.{name}" for name in ("protocol_echo", "buffered_echo", "streams_echo", "sockets_echo",
                                        "datagram_echo")),
)


def first_line(*command: str) -> str:
    """What a program says first about itself."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.partition("\n")[0].strip()


def kind_of_python() -> str:
    """What has figures of its own in the table."""
    return f"{platform.python_implementation()} {sys.version_info[0]}.{sys.version_info[1]} {platform.machine()}"


def made_with() -> dict[str, str]:
    """All else that decides which instructions the sources become."""
    return {
        "python": platform.python_version(),
        "compiler": first_line(*compiler(), "--version"),
        "flags": os.environ.get("CFLAGS", ""),
        "libc": " ".join(platform.libc_ver()),
        "valgrind": first_line("valgrind", "--version"),
    }


def show(lines: list[comparing.Line], tolerance: float) -> None:
    """The whole comparison, what is too far away marked."""
    width = max(len(line.name) for line in lines)
    print(f"{'instructions per operation':{width}}   expected      found   change")
    for line in lines:
        mark = "  slower" if line.change > tolerance else "  better" if line.change < -tolerance else ""
        print(f"{line.name:{width}} {line.expected:10,.0f} {line.found:10,.0f}  {line.change:+7.1%}{mark}")


def verdict(lines: list[comparing.Line], tolerance: float) -> int:
    """Say what to do; the exit status."""
    slower = [line.name for line in lines if line.change > tolerance]
    if slower:
        print(f"slower by more than {tolerance:.0%}: {', '.join(slower)}\n"
              "valgrind --tool=callgrind and callgrind_annotate tell where; "
              "if it has to be: make bench-check UPDATE=1", file=sys.stderr)
        return 1
    if any(line.change < -tolerance for line in lines):
        print("better: update the table by make bench-check UPDATE=1")
    return 0


def check(update: bool) -> int:
    """Count, and compare or write down. Raises CannotCount."""
    kind, environment = kind_of_python(), made_with()
    entry = comparing.read_table().get(kind)
    if entry is None and not update:
        print(f"bench-check skipped: the table has no figures for {kind}; to make them: make bench-check UPDATE=1")
        return 0
    reference = counting.count(STANDARD, TIMES, REFERENCE)
    counts = counting.count(OURS, TIMES, OPERATIONS)
    if entry is not None:
        tolerance = comparing.tolerance_of(entry, environment)
        lines = comparing.compare(entry, reference, counts)
        show(lines, tolerance)
    if update:
        comparing.write_entry(kind, environment, reference, counts)
        print(f"written: {comparing.TABLE}, figures for {kind}")
        return 0
    if other := comparing.differences(entry, environment):
        print(f"tolerance {tolerance:.0%} instead of {comparing.TOLERANCE:.0%}: {'; '.join(other)}")
    if new := counts.keys() - entry["operations"].keys():
        print(f"not in the table yet: {', '.join(sorted(new))}; make bench-check UPDATE=1")
    return verdict(lines, tolerance)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.check", description="Count instructions per operation.")
    parser.add_argument("--update", action="store_true", help="write what was counted into the table")
    options = parser.parse_args(arguments)
    if reason := counting.missing():
        print(f"bench-check skipped: {reason}")
        return 0
    if not tulipa.is_compiled():
        print("bench-check: tulipa is not compiled here, and the table is about the compiled package", file=sys.stderr)
        return 2
    try:
        return check(options.update)
    except (counting.CannotCount, NoCompiler) as error:
        print(f"bench-check: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
