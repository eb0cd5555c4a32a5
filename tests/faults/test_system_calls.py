"""The system calls themselves are interrupted, refused and cut short, below compiled code too; see system_calls.c."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.processes import environment

HERE = Path(__file__).resolve().parent
COMPILER = shutil.which(os.environ.get("CC", "cc").split()[0])

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or COMPILER is None, reason="needs Linux and a C compiler"
)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """The shared library that stands before the C library."""
    path = tmp_path_factory.mktemp("faults") / "system_calls.so"
    subprocess.run([COMPILER, "-O1", "-shared", "-fPIC", "-o", path, HERE / "system_calls.c", "-ldl"], check=True)
    return path


@pytest.mark.timeout(600)
@pytest.mark.parametrize("tests", [
    ["faults/test_faulty_streams.py", "faults/test_faulty_datagrams.py"],
    ["test_stream_properties.py", "-k", "every_byte"],
    ["test_datagram_properties.py", "-k", "not many_peers"],  # whose peers expect their own sends to succeed
], ids=lambda tests: tests[0])
def test_properties_hold(library, tests, tmp_path):
    log = tmp_path / "faults"
    preload = " ".join(filter(None, [os.environ.get("LD_PRELOAD"), str(library)]))
    suite = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=1", *tests],
        cwd=HERE.parent, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=environment(LD_PRELOAD=preload, FAULTY_CALLS="1", FAULTY_CALLS_LOG=str(log), FAULT_EXAMPLES="10"),
    )
    assert suite.returncode == 0, suite.stdout
    interrupted, refused, cut = map(int, log.read_text().splitlines()[-1].split())
    assert min(interrupted, refused, cut) > 100, "the faults did not reach the tests"
