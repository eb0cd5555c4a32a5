"""Counts the instructions of operations with valgrind's callgrind."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ..contenders import by_name
from ..native import program
from ..process import ROOT

MARK = "getsid"                                    # see child.mark
RUNS = 3                                           # of each operation: to warm up, once, twice
PATIENCE = 600.0                                   # seconds


class CannotCount(Exception):
    """The counting went wrong; the message says how."""


def missing() -> str | None:
    """Why nothing can be counted here, or None."""
    return None if shutil.which("valgrind") else "needs valgrind (Debian, Fedora: the package valgrind)"


def count(contender: str, times: int, operations: Sequence[str]) -> dict[str, float]:
    """Instructions per operation. Raises CannotCount."""
    launcher = by_name(contender).launcher
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        command = ["valgrind", "--tool=callgrind", f"--dump-before={MARK}",
                   f"--callgrind-out-file={directory}/counts", sys.executable, *launcher,
                   "-m", "bench.check.child", contender, str(times), *operations]
        environ = {**os.environ, "PYTHONHASHSEED": "0", "LD_PRELOAD": str(program("steady_clock"))}
        try:
            done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            raise CannotCount(f"valgrind took more than {PATIENCE:.0f} s") from None
        if done.returncode != 0:
            raise CannotCount(f"valgrind ended with status {done.returncode}:\n{done.stderr.strip()[-2000:]}")
        return per_operation(read_parts(Path(directory)), times, operations)


def read_parts(directory: Path) -> list[int]:
    """The instructions between the marks, the first from the beginning."""
    paths = sorted(directory.glob("counts.*"), key=lambda path: int(path.suffix[1:]))
    return [total_of(path.read_text(errors="replace")) for path in paths]


def total_of(text: str) -> int:
    """The sum in one of callgrind's files. Raises CannotCount when there is none."""
    found = re.search(r"^(?:summary|totals): (\d+)", text, re.MULTILINE)
    if found is None:
        raise CannotCount("one of callgrind's files has no sum")
    return int(found[1])


def per_operation(parts: Sequence[int], times: int, operations: Sequence[str]) -> dict[str, float]:
    """Out of the parts between marks: start, then warm-up, once and twice for each operation; more is ignored."""
    needed = 1 + RUNS * len(operations)
    if len(parts) < needed:
        raise CannotCount(f"valgrind wrote {len(parts)} parts instead of {needed}: it does not see calls of {MARK}")
    return {name: (parts[RUNS * i + 3] - parts[RUNS * i + 2]) / times for i, name in enumerate(operations)}
