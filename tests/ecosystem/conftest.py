"""Real servers where there are any, and a table of what ran, at the end of a run of this directory."""

import tempfile
from pathlib import Path

import pytest
from helpers import servers
from helpers.ecosystem import LIBRARIES, MODES


@pytest.fixture(scope="session")
def postgres():
    """The directory of a PostgreSQL's socket, or None."""
    yield from _serving(servers.postgres)


@pytest.fixture(scope="session")
def redis():
    """The path of a Redis's socket, or None."""
    yield from _serving(servers.redis)


def _serving(server):
    # Not tmp_path: only its owner may enter that, and its name may be too long for a socket.
    with tempfile.TemporaryDirectory(prefix="tulipa-") as directory, server(Path(directory)) as place:
        yield place


def pytest_terminal_summary(terminalreporter):
    outcomes = {}
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(outcome, ()):
            for name, value in getattr(report, "user_properties", ()):
                if name == "ecosystem":
                    outcomes[tuple(value)] = outcome
    if not outcomes:
        return
    terminalreporter.section("libraries")
    rows = [("library", "version", *MODES.values())]
    for library in LIBRARIES:
        rows.append((library.name, library.version(), *(outcomes.get((library.name, mode), "-") for mode in MODES)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        terminalreporter.write_line("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
