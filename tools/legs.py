"""Runs the test suite once for each leg: a Python found on this machine, with tulipa compiled or interpreted.

Each leg has an environment of its own, .venvs/<leg>, with tulipa installed as a user would install it; that is
done again only when something that the installation depends on has changed. Needs the standard library only.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

from pythons import describe, find_python

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENTS = ROOT / ".venvs"
OLDEST, NEWEST = 11, 15
SERIES = [f"3.{minor}" for minor in range(OLDEST, NEWEST + 1)]
MODES = {"compiled": "TULIPA_REQUIRE_COMPILED", "interpreted": "TULIPA_PURE"}
FORGOTTEN = ("PYTHONPATH", "PYTHONHOME", "TULIPA_DRIVER", *MODES.values())
BUILD_INPUTS = ("CC", "CFLAGS", "LDFLAGS")
# What the other Pythons' legs test is behaviour, and optimising costs a minute each.
QUICK_CFLAGS = "-O1 -g0 -Wno-unused-function"
# A worker for each core this process may use; tests of one xdist_group share a worker, and start first.
# A crash ends the run and names the test: after several crashes, replaced workers have been seen to hang.
IN_PARALLEL = ("-n", "auto", "--dist", "loadgroup", "--max-worker-restart", "0")
# The extra with libraries that tulipa is tried with, and the tests that need them.
ECOSYSTEM = "ecosystem"
ECOSYSTEM_TESTS = "tests/ecosystem"


@dataclass
class Leg:
    """One run of the suite: which Python, and how tulipa is installed in it."""

    series: str
    mode: str
    python: str
    main: bool
    name: str = ""

    def __post_init__(self):
        self.name = self.name or f"{self.series}-{self.mode}"
        self.home = ENVIRONMENTS / self.name
        self.own_python = self.home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        # The types of every version are checked by one.
        types_too = self.main and self.mode == "compiled" and self.name != ECOSYSTEM
        self.extras = "test,types" if types_too else "test"
        self.environ = {key: value for key, value in os.environ.items() if key not in FORGOTTEN}

    def install(self):
        """Make the environment what the sources say; tell whether it is usable."""
        stamp = self.home / "installed-from"
        environ = self.environ | {MODES[self.mode]: "1"}
        if not self.main:
            environ.setdefault("CFLAGS", QUICK_CFLAGS)
        wanted = fingerprint(self.python, environ)
        if stamp.exists() and stamp.read_text() == wanted:
            return True
        stamp.unlink(missing_ok=True)
        log = self.home / "install.log"
        print(f"{self.name}: installing tulipa into {self.home.relative_to(ROOT)} ...", flush=True)
        subprocess.run([self.python, "-m", "venv", "--clear", str(self.home)], check=True)
        install = [str(self.own_python), "-m", "pip", "install", "--progress-bar", "off", f"{ROOT}[{self.extras}]"]
        with log.open("w") as output:
            outcome = subprocess.run(install, cwd=ROOT, env=environ, stdout=output, stderr=output)
            if outcome.returncode == 0 and self.main and self.mode == "compiled":
                self.install_libraries(output)
        if outcome.returncode == 0:
            stamp.write_text(wanted)
            return True
        print(*log.read_text(errors="replace").splitlines()[-40:], sep="\n")
        print(f"{self.name}: the installation failed; all of its output: {log.relative_to(ROOT)}", flush=True)
        return False

    def install_libraries(self, output):
        """Install what can be had of the ecosystem; the tests of what is missing are skipped, with a message."""
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]

        def install(*libraries):
            command = [str(self.own_python), "-m", "pip", "install", "--progress-bar", "off", *libraries]
            return subprocess.run(command, env=self.environ, stdout=output, stderr=output).returncode == 0

        if not install(*extras[ECOSYSTEM]):
            missing = [library for library in extras[ECOSYSTEM] if not install(library)]
            print(f"{self.name}: could not be installed, not tested with: {', '.join(missing)}", flush=True)

    def test(self, arguments):
        """Run the suite, showing its output; return pytest's exit status and its last line."""
        command = [str(self.own_python), "-m", "pytest", *IN_PARALLEL, *arguments]
        settings = {"TULIPA_EXPECT": self.mode, "TULIPA_TEST_REQUIRE": "1", "PYTHONUNBUFFERED": "1"}
        last = ""
        with subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.environ | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as suite:
            for line in suite.stdout:
                print(line, end="", flush=True)
                last = line.strip(" =\n") or last
        return suite.returncode, last


def fingerprint(python, environ):
    """Digest everything that decides what an installation of tulipa contains."""
    digest = hashlib.sha256(describe(python).encode())
    sources = [path for path in (ROOT / "src").rglob("*") if path.suffix in (".py", ".pxd", ".pyi")]
    for path in [ROOT / "pyproject.toml", ROOT / "setup.py", *sorted(sources)]:
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes() + b"\0")
    digest.update(repr([environ.get(name) for name in BUILD_INPUTS]).encode())
    return digest.hexdigest()


def find_legs(main_python):
    """Return the legs that this machine allows, the main Python's first, and the series that it lacks."""
    main_series = describe(main_python).partition(" ")[0]
    if not main_series:
        raise SystemExit(f"{main_python} doesn't run, or lacks venv or ensurepip: make test PYTHON=another")
    if tuple(map(int, main_series.split("."))) < (3, OLDEST):
        raise SystemExit(f"{main_python} is Python {main_series}, tulipa needs 3.{OLDEST}: make test PYTHON=another")
    found = {series: find_python(series) for series in SERIES if series != main_series}
    others = [series for series, python in found.items() if python]
    legs = [Leg(main_series, mode, main_python, main=True) for mode in MODES]
    legs += [Leg(series, "compiled", found[series], main=False) for series in others]
    return legs, [series for series, python in found.items() if not python]


def run(leg, arguments, packaging):
    """Install and test one leg; return whether all went well, and a line about it."""
    begun = time.monotonic()
    if not leg.install():
        return False, "not installed"
    installed = time.monotonic()
    selection = [] if packaging else ["-m", "not packaging"]
    print(f"\n{leg.name}: testing", flush=True)
    status, last = leg.test([*selection, *arguments])
    return status == 0, f"{last} (and {installed - begun:.0f} s to install)"


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--python", default=sys.executable, help="the main Python (default: the running one)")
    parser.add_argument("--quick", action="store_true", help="the main Python only, no packaging tests")
    parser.add_argument("--ecosystem", action="store_true", help=f"only {ECOSYSTEM_TESTS}, on the main Python")
    parser.add_argument("--legs", default="", help="only these, for example: '3.11-compiled 3.13-compiled'")
    parser.add_argument("pytest", nargs="*", help="arguments for pytest, after --")
    options = parser.parse_args()

    legs, missing = find_legs(options.python)
    if options.ecosystem:
        legs, missing = [replace(legs[0], name=ECOSYSTEM)], []
        options.pytest.insert(0, ECOSYSTEM_TESTS)
    known = [leg.name for leg in legs]
    wanted = options.legs.split() or known
    if unknown := set(wanted) - set(known):
        parser.error(f"no such leg here: {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
    legs = [leg for leg in legs if leg.name in wanted and (leg.main or not options.quick)]

    ENVIRONMENTS.mkdir(exist_ok=True)
    results = {}
    for leg in legs:
        packaging = leg.main and leg.mode == "compiled" and not options.quick and not options.ecosystem
        results[leg.name] = run(leg, options.pytest, packaging)

    print("\nsummary")
    for name, (passed, line) in results.items():
        print(f"  {name:<18} {'passed' if passed else 'FAILED'}  {line}")
    for series in missing if not options.quick else ():
        print(f"  {series:<18} skipped: no working python{series} on the PATH or in pyenv")
    return 0 if results and all(passed for passed, _ in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
