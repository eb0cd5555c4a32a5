"""Finds Python interpreters on this machine: `pythons.py 3.13 3.12` prints the first that works,
the running one if none does.
"""

import os
import shutil
import subprocess
import sys


def describe(python):
    """Say which interpreter this is, its series first; '' if it doesn't run or can't make environments."""
    code = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2], sys.version, sys.base_prefix)"
    try:
        answer = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


def find_python(series):
    """Return a working interpreter of this series, from the PATH or else from pyenv; None if neither has one."""
    candidates = [shutil.which(f"python{series}")]
    if shutil.which("pyenv"):
        prefix = subprocess.run(["pyenv", "prefix", series], capture_output=True, text=True)
        if prefix.returncode == 0:
            candidates.append(os.path.join(prefix.stdout.strip(), "bin", "python"))
    return next((path for path in candidates if path and describe(path).startswith(f"{series} ")), None)


if __name__ == "__main__":
    found = filter(None, map(find_python, sys.argv[1:]))
    print(next(found, sys.executable))
