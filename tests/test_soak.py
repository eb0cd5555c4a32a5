"""The soak runs, and what it would have to notice it notices."""

import collections
import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.processes import environment

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # it isn't installed

from soak import gauges  # noqa: E402

pytest.importorskip("tulipa")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="its workloads need Linux' tools")
def test_runs_for_a_moment():
    command = [sys.executable, "-m", "soak", "--seconds", "2", "--only", "tcp", "tls", "udp", "pipes", "tasks"]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    process = subprocess.run(
        command, capture_output=True, text=True, timeout=100, cwd=ROOT, env=environment(PYTHONPATH=path)
    )
    # How much memory it takes says nothing after so short a time.
    complaints = [line for line in process.stdout.splitlines() if "FAILED" in line]
    assert [line for line in complaints if "memory" not in line and "blocks" not in line] == [], process.stdout
    assert "rounds" in process.stdout, process.stderr


def samples(**growing):
    """Sixteen samples in which everything stays, but for what grows by so much in each."""
    still = gauges.Sample(0.0, 50_000_000, 100_000, 20_000, 10, 1, 0, 3, 2, 0, collections.Counter())
    return [
        dataclasses.replace(still, seconds=float(at), **{
            name: getattr(still, name) + at * step for name, step in growing.items()
        })
        for at in range(16)
    ]


def test_what_stays_is_no_growth():
    assert gauges.growth(samples()) == []


@pytest.mark.parametrize(("name", "step"), [
    ("descriptors", 1), ("tasks", 1), ("timers", 1), ("watchers", 1), ("threads", 1), ("children", 1),
    ("objects", 100), ("blocks", 1000), ("memory", 1_000_000),
])
def test_growth_is_noticed(name, step):
    complaints = gauges.growth(samples(**{name: step}))
    assert complaints[0].startswith(f"{name}: ")


def test_a_moment_of_more_is_no_growth():
    measured = samples()
    measured[9] = dataclasses.replace(measured[9], descriptors=500, objects=90_000)
    assert gauges.growth(measured) == []
