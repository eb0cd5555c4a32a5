"""The libraries of tests/ecosystem: what each needs, and how its program is run in each mode."""

import importlib.metadata
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from helpers.processes import environment

PROGRAMS = Path(__file__).resolve().parents[1] / "ecosystem" / "programs"
PATIENCE = 100  # seconds; only ever used up by a program that hangs

# install() comes after the library was imported, as a whole and with what it was imported by.
LATE = """
import os, runpy, sys
sys.path[0] = os.path.dirname(sys.argv[1])
del sys.argv[0]
runpy.run_path(sys.argv[0])
import tulipa
tulipa.install()
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@dataclass(frozen=True)
class Library:
    """One row of the table: the distributions that its program needs."""

    name: str
    program: str
    needs: tuple[str, ...] = ()
    server: str | None = None  # a fixture: the real server, where there is one
    pytest: tuple[str, ...] | None = None  # the program is a file of tests, run by pytest with these arguments

    def missing(self):
        """The distributions that are not installed."""
        return [name for name in self.needs if version(name) is None]

    def version(self):
        """The versions of what it is called after."""
        versions = [version(name) or "-" for name in self.needs if name in self.name.lower()]
        return ", ".join(versions) or "standard library"


def version(distribution):
    """The installed version of a distribution, or None."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


LIBRARIES = (
    Library("aiohttp", "with_aiohttp.py", ("aiohttp",)),
    Library("httpx, anyio", "with_anyio.py", ("httpx", "anyio")),
    Library("uvicorn, starlette", "with_uvicorn.py",
            ("uvicorn", "starlette", "httpx", "httptools", "websockets", "wsproto")),
    Library("FastAPI", "with_fastapi.py", ("fastapi", "uvicorn", "httpx", "websockets")),
    Library("websockets", "with_websockets.py", ("websockets",)),
    Library("aiosqlite", "with_aiosqlite.py", ("aiosqlite",)),
    Library("aiofiles", "with_aiofiles.py", ("aiofiles",)),
    Library("asyncpg", "with_asyncpg.py", ("asyncpg",), server="postgres"),
    Library("redis", "with_redis.py", ("redis",), server="redis"),
    Library("tornado", "with_tornado.py", ("tornado",)),
    Library("unittest", "with_unittest.py"),
    Library("pytest-asyncio", "with_pytest_asyncio.py", ("pytest-asyncio",),
            pytest=("-p", "no:anyio", "-o", "asyncio_default_fixture_loop_scope=function")),
    Library("anyio's pytest plugin", "with_anyio_plugin.py", ("anyio",), pytest=("-p", "no:asyncio")),
)

# What the columns of the table are called.
MODES = {
    "standard": "standard loop",
    "loop": "loop mode",
    "full": "full mode",
    "late": "install() later",
}


def command(library, mode):
    """The command line that runs the library's program in that mode, with warnings as errors."""
    program = str(PROGRAMS / library.program)
    if library.pytest is not None:
        whole = ["-m", "tulipa"] if mode == "full" else []
        settings = ["-c", os.devnull, "--rootdir", str(PROGRAMS), "-p", "no:cacheprovider", "-p", "choose_asyncio"]
        return [sys.executable, *whole, "-m", "pytest", "-q", "-W", "error", *settings, *library.pytest, program]
    how = {"full": ["-m", "tulipa"], "late": ["-c", LATE]}.get(mode, [])
    return [sys.executable, "-W", "error", *how, program]


def run_program(library, mode, **changes):
    """Run the library's program to its end; returns the CompletedProcess with text output."""
    if library.pytest is not None:
        changes["PYTHONPATH"] = os.pathsep.join(filter(None, [str(PROGRAMS), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        command(library, mode), env=environment(ECOSYSTEM_MODE=mode, PYTHONDONTWRITEBYTECODE="1", **changes),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE,
    )
