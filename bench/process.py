"""Starts and ends the measured processes, each on its core, and reads their one-line answers."""

from __future__ import annotations

import contextlib
import json
import re
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from .contenders import by_name
from .machine import pinned
from .row import Failed, Skipped

ROOT = Path(__file__).resolve().parent.parent
AT_END = re.compile(r"<?sys>?:\d+: \w+Warning: ")    # said by an interpreter that ends, after its real error
START_PATIENCE = 30.0                              # seconds until a process must have given its answer


def child_command(command: str, contender: str, *arguments: object) -> list[str]:
    """The command line of a Python process that runs bench.child."""
    launcher = by_name(contender).launcher
    return [sys.executable, *launcher, "-m", "bench.child", command, contender, *map(str, arguments)]


def _last_line(errors: IO[str], otherwise: str) -> str:
    errors.seek(0)
    lines = [line.strip() for line in errors.read().splitlines() if line.strip() and not AT_END.match(line)]
    return lines[-1] if lines else otherwise


def _parse(line: str, errors: IO[str], status: int | None) -> dict[str, Any]:
    if not line:
        how = "gave no answer in time" if status is None else f"ended with status {status}"
        raise Failed(_last_line(errors, f"the process {how}"))
    answer = json.loads(line)
    if "unsupported" in answer:
        raise Skipped(answer["unsupported"])
    return answer


def ask(command: Sequence[str], core: int | None, *, patience: float = START_PATIENCE) -> dict[str, Any]:
    """Run a program on `core` to its end and return the JSON it prints. Raises Failed or Skipped."""
    with tempfile.TemporaryFile("w+") as errors:
        with pinned(core):
            process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            output, _ = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            output = ""
        finally:
            status = process.poll()
            process.kill()
            process.communicate()
        return _parse(output.strip() if status == 0 or "unsupported" in output else "", errors, status)


class Server:
    """A running server process: `answer` is what it printed first, `pid` whom to measure."""

    def __init__(self, process: subprocess.Popen[str], errors: IO[str], answer: dict[str, Any]) -> None:
        self._process = process
        self._errors = errors
        self.answer = answer
        self.pid = process.pid

    def check(self) -> None:
        """Raise Failed (or Skipped, where it said so) if the server has ended or has reported an error."""
        status = self._process.poll()
        if status is not None:
            assert self._process.stdout is not None
            _parse(self._process.stdout.read().strip(), self._errors, status)
            raise Failed(f"the server ended with status {status}")


@contextlib.contextmanager
def serving(command: Sequence[str], core: int | None) -> Iterator[Server]:
    """A server process on `core`, killed at the end of the block; Failed or Skipped if it can't start."""
    with tempfile.TemporaryFile("w+") as errors:
        with pinned(core):
            process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            line = _first_line(process)
            yield Server(process, errors, _parse(line, errors, process.poll()))
        finally:
            process.kill()
            process.communicate()


def _first_line(process: subprocess.Popen[str]) -> str:
    """The first line of output, or "" when the process ends or takes too long."""
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], START_PATIENCE)
    line = process.stdout.readline().strip() if readable else ""
    if readable and not line:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=1)                # output closed: let the exit status arrive for the message
    return line


def settle(server: Server, patience: float = 0.5) -> None:
    """After a failed run: give a dying server a moment to end, so that its own words are reported."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        server.check()
        time.sleep(0.01)
