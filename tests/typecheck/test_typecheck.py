"""Type checkers understand tulipa as users have it: ``from tulipa import asyncio`` is asyncio, newest names included.

`sample/` holds a user's programs. They are copied elsewhere and checked in their strictest mode against the tulipa that
is installed in this environment: `program` and `loop_mode` are right, with what each value is; `wrong` says in each
line what is to be found there.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("tulipa")

HERE = Path(__file__).resolve().parent
SAMPLE = HERE / "sample"
VERSIONS = ["3.11", "3.12", "3.13", "3.14", "3.15"]
PATIENCE = 110  # seconds; only ever used up by a checker that hangs
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in ("MYPYPATH", "PYTHONPATH")}
MARK = re.compile(r"  # ([\w-]+), (\w+)$")

# One worker has all of it: the second run of a checker knows what the first one has read.
pytestmark = pytest.mark.xdist_group("typecheck")


def run(command, directory):
    """Run a checker; it ends with 0 where nothing is wrong, with 1 where something is."""
    child = subprocess.run(
        [str(part) for part in command],
        cwd=directory, env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE,
    )
    assert child.returncode in (0, 1), child.stdout + child.stderr
    return child.stdout


class Mypy:
    """``mypy --strict``."""

    name = "mypy"
    place = 0

    def check(self, directory, version):
        """{(file, line): [code, message, …]} of what is wrong with the files there."""
        options = ("--strict", "--config-file=", "--output=json", f"--python-version={version}")
        found = {}
        for line in run((sys.executable, "-m", "mypy", *options, "."), directory).splitlines():
            error = json.loads(line)
            if error["severity"] == "error":
                found.setdefault((error["file"], error["line"]), []).extend([error["code"], error["message"]])
        return found

    def missing(self):
        return None if importlib.util.find_spec("mypy") else "mypy is not installed here: pip install mypy"


class Pyright:
    """Pyright's strict mode: of pyright itself, or of basedpyright, which comes from a package index as a whole."""

    place = 1

    def __init__(self, name):
        self.name = name

    def check(self, directory, version):
        """As Mypy's."""
        configuration = {"typeCheckingMode": "strict", "pythonVersion": version, "include": ["."]}
        (directory / "pyrightconfig.json").write_text(json.dumps(configuration))
        output = run((*self.command(), "--outputjson", "--pythonpath", sys.executable, "-p", "."), directory)
        found = {}
        for error in json.loads(output)["generalDiagnostics"]:
            if error["severity"] == "error":
                place = Path(error["file"]).name, error["range"]["start"]["line"] + 1
                found.setdefault(place, []).extend([error.get("rule"), error["message"]])
        return found

    def command(self):
        """How it is called: as a module of this Python, or by its name."""
        return (sys.executable, "-m", self.name) if importlib.util.find_spec(self.name) else (self.name,)

    def missing(self):
        if importlib.util.find_spec(self.name) or shutil.which(self.name):
            return None
        return f"{self.name} is not installed here: pip install 'tulipa[types]' brings basedpyright"


CHECKERS = [Mypy(), Pyright("basedpyright"), Pyright("pyright")]


@pytest.fixture(scope="module", params=CHECKERS, ids=lambda checker: checker.name)
def checker(request):
    missing = request.param.missing()
    if missing:
        pytest.skip(missing)
    return request.param


@pytest.fixture(scope="module")
def directory(checker, tmp_path_factory):
    """A user's directory with the sample, away from our sources."""
    path = tmp_path_factory.mktemp(checker.name) / "sample"
    shutil.copytree(SAMPLE, path, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    return path


def expected():
    """{(file, line): (code, rule)} as the lines of the sample say."""
    return {
        (path.name, number): match.groups()
        for path in SAMPLE.glob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if (match := MARK.search(line))
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_the_sample(checker, directory, version):
    found = checker.check(directory, version)
    wanted = expected()
    surprising = {place: found[place] for place in found.keys() - wanted.keys()}
    assert surprising == {}, "these lines are right"
    assert wanted.keys() - found.keys() == set(), "these lines are wrong, and it does not say so"
    other = {place: found[place] for place, codes in wanted.items() if codes[checker.place] not in found[place]}
    assert other == {}, "these lines are wrong for another reason"


def test_the_sample_has_wrong_lines():
    assert len(expected()) > 30


def stubtest():
    """What mypy's stubtest finds different between the stubs and the installed package."""
    configuration = "[mypy]\n[mypy-tulipa.*]\nignore_errors = True\n[mypy-cython.*]\nignore_missing_imports = True\n"
    return configuration, ("-m", "mypy.stubtest", "tulipa", "--concise", "--allowlist", HERE / "untyped.txt",
                           "--ignore-unused-allowlist")  # fmt: skip


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed here")
def test_stubs_say_what_is_there(tmp_path):
    """Every public name has a type, with the parameters and defaults that it has; and no other name has one."""
    configuration, arguments = stubtest()
    (tmp_path / "mypy.ini").write_text(configuration)
    output = run((sys.executable, *arguments, "--mypy-config-file", "mypy.ini"), tmp_path)
    # The loop's services are functions of `loop`, which the class has under their names.
    ours = 'is inconsistent, stub parameter "self" differs from runtime parameter "loop"'
    assert [line for line in output.splitlines() if line.strip() and ours not in line] == []
    assert ours in output, "the filter above is for nothing"
