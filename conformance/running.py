"""Runs the suite in several processes, each with a part of the tests, and a time limit for each test."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import as_completed
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WORKER = ROOT / "conformance" / "worker.py"
# Seconds that a single test may take, and that a worker may take to begin.
LIMIT = 20
# Tests that one process runs, at most: small enough to share the work out, large enough to start seldom.
PORTION = 250
# Tests of other platforms' loops.
EXCLUDED = ("test_windows_events", "test_windows_utils", "test_proactor_events")


class Suite:
    """test.test_asyncio of one interpreter."""

    def __init__(self, python, only=""):
        self._python = python
        self._only = only
        self._verbose = bool(only)
        self._package = ""

    def run(self, pool):
        """Run all; gives {test: (outcome, details)}."""
        names = [name for name in self._list() if self._only in name]
        outcomes = {}
        parts = [pool.submit(self._run_portion, portion) for portion in portions(names)]
        for part in as_completed(parts):
            outcomes.update(part.result())
            show(f"\r{len(outcomes)} of {len(names)} tests ")
        show("\r")
        return outcomes

    def run_newer(self, later_python, names):
        """Run tests of another interpreter's suite in this one; gives {test: (outcome, details)}."""
        names = list(dict.fromkeys(name for name in names if self._only in name))
        outcomes = {}
        for portion in portions(sorted(names)):
            suite = Suite(self._python, self._only)
            suite._package = package_of(later_python)
            outcomes.update(suite._run_portion(portion))
        return outcomes

    def _list(self):
        package = package_of(self._python)
        modules = sorted(path.stem for path in Path(package).glob("test_*.py") if path.stem not in EXCLUDED)
        with self._worker(["--list", *modules]) as (process, lines):
            names = [line for line, in lines(LIMIT)]
            if process.wait():
                raise SystemExit(f"{self._python} can't list the tests: {process.returncode}")
        return names

    def _run_portion(self, names):
        outcomes = {}
        rest = names
        while rest:
            outcomes |= self._run_until_stuck(rest)
            remaining = [name for name in rest if name not in outcomes]
            if len(remaining) == len(rest):
                outcomes[rest[0]] = "failed", "the process ended before the test began"
                remaining = rest[1:]
            rest = remaining
        return outcomes

    def _run_until_stuck(self, names):
        """Run tests until the process ends, by itself or because one takes too long."""
        outcomes = {}
        running = None
        with self._worker(names) as (process, lines):
            for kind, name, *rest in lines(LIMIT):
                running = name if kind == "start" else None
                if kind == "end":
                    outcomes[name] = rest[0], rest[1]
            if process.poll() is None and running is not None:
                outcomes[running] = "failed", f"took more than {LIMIT} seconds"
            elif running is not None:
                outcomes[running] = "failed", f"ended the process: {process.wait()}"
        return outcomes

    @contextlib.contextmanager
    def _worker(self, arguments):
        """A process, and a function that gives the lines it reports until it ends or is silent too long."""
        reading, writing = os.pipe()
        environ = os.environ | {
            "CONFORMANCE_REPORT": str(writing),
            "CONFORMANCE_PACKAGE": self._package,
            "CONFORMANCE_VERBOSE": "1" if self._verbose else "",
            "PYTHONPATH": str(ROOT),
            "PYTHONSAFEPATH": "1",
        }
        output = None if self._verbose or "--list" in arguments else subprocess.DEVNULL
        with tempfile.TemporaryDirectory(prefix="conformance-") as directory:
            process = subprocess.Popen(
                [self._python, "-W", "ignore", str(WORKER), *arguments], pass_fds=[writing], env=environ, cwd=directory,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
            os.close(writing)
            try:
                with open(reading, "rb", buffering=0) as report:
                    yield process, lambda limit: lines_of(report, process, limit)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def package_of(python):
    """The directory of an interpreter's test.test_asyncio."""
    return subprocess.run(
        [python, "-c", "import test.test_asyncio as t; print(t.__path__[0])"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip


def show(text):
    """Tell a terminal how far things are."""
    if sys.stderr.isatty():
        print(text, end="", file=sys.stderr, flush=True)


def lines_of(report, process, limit):
    """The lines of a report, split at tabs, until its end, or until there is none for `limit` seconds."""
    buffer = b""
    deadline = time.monotonic() + limit
    while True:
        ready, _, _ = select.select([report], [], [], max(0, min(1, deadline - time.monotonic())))
        if ready:
            data = report.read(65536)
            if not data:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(5)
                return
            deadline = time.monotonic() + limit
            *complete, buffer = (buffer + data).split(b"\n")
            for line in complete:
                yield line.decode(errors="replace").split("\t")
        elif process.poll() is not None or time.monotonic() >= deadline:
            return


def portions(names):
    """Parts of the list for one process each: of one module, whole classes where they are not too large."""
    part, module = [], None
    previous = None
    for name in names:
        owner = name.rpartition(".")[0]
        if name.partition(".")[0] != module or (len(part) >= PORTION and owner != previous):
            if part:
                yield part
            part, module = [], name.partition(".")[0]
        part.append(name)
        previous = owner
    if part:
        yield part
