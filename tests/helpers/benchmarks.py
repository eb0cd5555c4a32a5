"""The package `bench` of the source tree, for tests; importing this module makes it importable."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def load_bench():
    """Make the package `bench` of the source tree importable, and nothing else of the tree."""
    init = ROOT / "bench" / "__init__.py"
    if not init.exists():
        pytest.skip("bench/ is not beside tests/: run from the source tree", allow_module_level=True)
    spec = importlib.util.spec_from_file_location("bench", init, submodule_search_locations=[str(init.parent)])
    sys.modules["bench"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["bench"])


if sys.platform != "linux":
    pytest.skip("the benchmark needs Linux", allow_module_level=True)
if "bench" not in sys.modules:
    load_bench()

from bench import native  # noqa: E402
from bench.process import ask  # noqa: E402


def program(name):
    """A compiled program of the benchmark; without a compiler, or what else it needs, the test is skipped."""
    try:
        return native.program(name)
    except native.NoCompiler as error:
        pytest.skip(str(error))


def drive(generator, port, *load, seconds=0.05, pid=None, dialect="echo"):
    """What a generator measures of this process, or of `pid`, without a warm-up."""
    more = [] if dialect == "echo" else [dialect]
    return ask([str(part) for part in (generator, port, *load, 0, seconds, pid or os.getpid(), *more)], None)
