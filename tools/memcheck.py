"""Runs the test suite with the compiled modules under AddressSanitizer and UndefinedBehaviorSanitizer.

The environment is .venvs/<leg>-memcheck. CPython's own memory goes through malloc, so that a use of an object after
its end, or of memory beyond a bytes object's, is seen too. The tests that build packages, serve the demo or run the
benchmarks are left out: they start many other programs, and measure time. Needs gcc with libasan and libubsan
(Debian: the package of gcc has them; Fedora: libasan, libubsan); where they are missing it says so and does nothing.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from legs import ENVIRONMENTS, ROOT, Leg
from pythons import describe

FLAGS = (
    "-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined "
    "-Wno-unused-function"
)
LEFT_OUT = (
    "test_bench.py", "test_bench_check.py", "test_bench_dialects.py", "test_demo.py", "ecosystem",
    "test_packaging.py", "test_soak.py",
)
DESELECTED = (
    # The sanitizers keep freed memory for a while, so what this measures says nothing.
    "tests/test_side_by_side.py::test_a_thousand_loops_leave_nothing",
    "tests/hazards/test_tls_memory.py::test_many_connections",
    # These run ps, which hangs at its start with the sanitizers' libraries in it.
    "tests/test_subprocess_transport.py::test_session_and_umask",
    "tests/test_subprocess_transport.py::test_process_group",
)
REPORTS = ROOT / "build" / "memcheck"
PATIENCE = 1200  # seconds for a test


class CheckedLeg(Leg):
    """A leg whose compiled modules check each of their accesses to memory."""

    def __post_init__(self):
        super().__post_init__()
        self.name = f"{self.series}-memcheck"
        self.home = ENVIRONMENTS / self.name
        self.own_python = self.home / "bin" / "python"

    def check(self, runtime, arguments):
        """Run the suite with the sanitizers' libraries loaded first; return its exit status and last line."""
        shutil.rmtree(REPORTS, ignore_errors=True)
        REPORTS.mkdir(parents=True)
        self.environ |= {
            "LD_PRELOAD": runtime,
            "PYTHONMALLOC": "malloc",
            "ASAN_OPTIONS": f"detect_leaks=0:allow_user_segv_handler=0:log_path={REPORTS / 'address'}",
            "UBSAN_OPTIONS": f"print_stacktrace=1:log_path={REPORTS / 'undefined'}",
        }
        left_out = [f"--deselect={name}" for name in DESELECTED] + [f"--ignore=tests/{name}" for name in LEFT_OUT]
        patience = [f"--override-ini={name}={PATIENCE}" for name in ("timeout", "faulthandler_timeout")]
        chosen = ["-m", "not packaging", "-k", "not [std"]  # the standard loop's tests run nothing of ours
        return self.test([*chosen, "-p", "no:cacheprovider", *patience, *left_out, *arguments])


def sanitizer_runtime():
    """The libraries to load first, separated by spaces; or None and why there are none."""
    if not sys.platform.startswith("linux"):
        return None, "the sanitizers are used on Linux only"
    compiler = os.environ.get("CC", "gcc").split()[0]
    if shutil.which(compiler) is None:
        return None, f"there is no {compiler}; install gcc"
    libraries = []
    for name in ("libasan.so", "libubsan.so"):
        found = subprocess.run([compiler, f"-print-file-name={name}"], capture_output=True, text=True).stdout.strip()
        if not Path(found).is_absolute():
            return None, f"{compiler} has no {name}; install it (Fedora: dnf install {Path(name).stem})"
        libraries.append(found)
    return " ".join(libraries), ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--python", default=sys.executable, help="the Python to check with (default: the running one)")
    parser.add_argument("pytest", nargs="*", help="arguments for pytest, after --")
    options = parser.parse_args()

    runtime, reason = sanitizer_runtime()
    if runtime is None:
        print(f"memcheck: skipped: {reason}")
        return 0
    ENVIRONMENTS.mkdir(exist_ok=True)
    os.environ["CFLAGS"] = FLAGS
    leg = CheckedLeg(describe(options.python).partition(" ")[0], "compiled", options.python, main=False)
    if not leg.install():
        return 1
    status, last = leg.check(runtime, options.pytest)
    reports = sorted(REPORTS.iterdir())
    for report in reports:
        print(f"\n{report.relative_to(ROOT)}:\n{report.read_text(errors='replace')}")
    clean = status == 0 and not reports
    print(f"\nmemcheck: {'clean' if clean else 'NOT CLEAN'}: {last}; {len(reports)} reports of the sanitizers")
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
