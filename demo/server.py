"""The application as a process of its own: started, watched, stopped."""

import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

START_PATIENCE = 30.0  # seconds until a server that doesn't say it is ready counts as failed
STOP_PATIENCE = 15.0
READY = re.compile(r"Running on \w+://([\d.]+):(\d+)")
EVENT_LOOP = re.compile(r"^event loop: (\S+)$", re.MULTILINE)


class ServerFailed(Exception):
    """The application didn't start, didn't stop as asked, or ran on another loop than it should."""


@dataclass(frozen=True)
class Contender:
    """A way to start the application: ``python *options app.py``; its loop's class comes from ``package``."""

    name: str
    options: tuple[str, ...]
    package: str


STANDARD = Contender("asyncio", (), "asyncio")
TULIPA = Contender("tulipa", ("-m", "tulipa"), "tulipa")


class Server:
    """Runs for the length of a ``with`` block, at the end of which it must stop on SIGTERM with status 0."""

    def __init__(
        self, contender: Contender, application: Path, *arguments: str, cpu: int | None = None
    ) -> None:
        self.contender = contender
        self.command = [sys.executable, *contender.options, str(application), "--port", "0", *arguments]
        self.event_loop = ""
        self.address = ("", 0)
        self._cpu = cpu
        self._output = ""

    @property
    def pid(self) -> int:
        return self._process.pid

    def __enter__(self) -> "Server":
        environment = os.environ | {"PYTHONUNBUFFERED": "1"}
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment,
        )
        try:
            if self._cpu is not None:
                os.sched_setaffinity(self.pid, {self._cpu})
            self._wait_until_ready()
            self._check_event_loop()
        except BaseException:
            self._process.kill()
            self._release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            status = self._process.wait(STOP_PATIENCE)
            failure = "it didn't stop cleanly on SIGTERM" if status else None
        except subprocess.TimeoutExpired:
            self._process.kill()
            failure = f"it was still running {STOP_PATIENCE:.0f} s after SIGTERM"
        try:
            if failure and error is None:
                raise self.failed(failure)
        finally:
            self._release()

    def failed(self, what: str) -> ServerFailed:
        """The exception that says so, with the command and what the server wrote on standard error."""
        status = self._process.poll()
        ended = f" (it has ended with status {status})" if status is not None else ""
        return ServerFailed(
            f"the server on {self.contender.name} failed: {what}{ended}\n"
            f"command: {' '.join(self.command)}\n"
            f"its standard error:\n{self.errors() or '(nothing)'}"
        )

    def errors(self) -> str:
        """What the server wrote on standard error so far."""
        descriptor = self._errors.fileno()
        # The server writes at the offset it shares with us, so don't move that.
        return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode(errors="replace").strip()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_PATIENCE
        stdout = self._process.stdout
        while not (ready := READY.search(self._output)):
            readable, _, _ = select.select([stdout], [], [], max(0.0, deadline - time.monotonic()))
            if not readable:
                raise self.failed(f"it wasn't ready within {START_PATIENCE:.0f} s")
            piece = os.read(stdout.fileno(), 4096)
            if not piece:
                self._process.wait()
                raise self.failed("it stopped before it was ready")
            self._output += piece.decode(errors="replace")
        self.address = ready[1], int(ready[2])

    def _check_event_loop(self) -> None:
        announced = EVENT_LOOP.search(self._output)
        self.event_loop = announced[1] if announced else "unknown"
        if self.event_loop.partition(".")[0] != self.contender.package:
            raise self.failed(f"it runs on {self.event_loop}, not on a loop of {self.contender.package}")

    def _release(self) -> None:
        self._process.wait()
        self._process.stdout.close()
        self._errors.close()


def cpu_seconds(pid: int) -> float:
    """CPU time that the process ``pid`` and its threads used so far, of the kernel's and their own."""
    if sys.platform == "linux":
        # The kernel's number for "CPU clock of process pid": as precise as the scheduler's own accounting.
        return time.clock_gettime((~pid << 3) | 2)
    answer = subprocess.run(["ps", "-o", "time=", "-p", str(pid)], capture_output=True, text=True, check=True)
    seconds = 0.0
    for part in answer.stdout.strip().replace("-", ":").split(":"):
        seconds = seconds * 60 + float(part)
    return seconds
