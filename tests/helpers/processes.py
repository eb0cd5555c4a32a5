"""Running a program of its own, for what must not happen to the process of the tests."""

import os
import subprocess
import sys
import textwrap

PATIENCE = 60  # seconds; only ever used up by a program that hangs


def environment(**changes):
    """The environment for a child, without what would change asyncio's behaviour, and with those changes."""
    kept = {name: value for name, value in os.environ.items()
            if name not in ("PYTHONASYNCIODEBUG", "PYTHONDEVMODE", "PYTHONWARNINGS", "TULIPA_DRIVER")}
    return {**kept, "PYTHONUNBUFFERED": "1", **changes}


def command(source, *args, options=()):
    """The command line that runs this source, indented or not."""
    return [sys.executable, *options, "-c", textwrap.dedent(source), *args]


def run_source(source, *args, options=(), **changes):
    """Run the source in a child to its end; returns the CompletedProcess with text output."""
    return subprocess.run(
        command(source, *args, options=options),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE,
        env=environment(**changes),
    )


class Child:
    """A child: read its lines, signal it, collect it. As a context manager, it never outlives the test."""

    def __init__(self, source, *args, options=(), **changes):
        self._process = subprocess.Popen(
            command(source, *args, options=options), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(**changes),
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait(PATIENCE)
        self._process.stdout.close()
        self._process.stderr.close()

    def line(self):
        """The next line of its output."""
        return self._process.stdout.readline().rstrip("\n")

    def send_signal(self, number):
        self._process.send_signal(number)

    def finish(self):
        """Wait for its end: exit status, the rest of its output, its (short) error output."""
        # Not communicate(): it would miss what line() has read ahead.
        output, errors = self._process.stdout.read(), self._process.stderr.read()
        return self._process.wait(PATIENCE), output, errors
