"""Compares instruction counts with the checked-in table (see bench/check), as installed for the main compiled leg."""

import argparse
import shutil
import subprocess
import sys

from legs import ENVIRONMENTS, ROOT, find_legs


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=sys.executable, help="the Python to count with (default: the running one)")
    parser.add_argument("--update", action="store_true", help="write what was counted into the table")
    options = parser.parse_args()
    if shutil.which("valgrind") is None:
        print("bench-check skipped: needs valgrind (Debian, Fedora: the package valgrind)")
        return 0
    legs, _ = find_legs(options.python)
    leg = next(leg for leg in legs if leg.main and leg.mode == "compiled")
    ENVIRONMENTS.mkdir(exist_ok=True)
    if not leg.install():
        return 1
    more = ["--update"] if options.update else []
    return subprocess.run([str(leg.own_python), "-m", "bench.check", *more], cwd=ROOT, env=leg.environ).returncode


if __name__ == "__main__":
    sys.exit(main())
