"""The machine: which cores to use, and a description of everything a result depends on."""

from __future__ import annotations

import contextlib
import os
import platform
import resource
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cores:
    """The core for the measured process and the core for everything else; None where there is only one."""

    server: int | None
    generator: int | None


def _siblings(core: int) -> set[int]:
    """The logical cores that share one physical core with `core`."""
    try:
        text = Path(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list").read_text()
    except OSError:
        return {core}
    found: set[int] = set()
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found


def choose_cores() -> Cores:
    """Two cores this process may use, on different physical cores where possible, the measured one last."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        return Cores(None, None)
    server = allowed[-1]
    elsewhere = [core for core in allowed if core not in _siblings(server)]
    return Cores(server, (elsewhere or allowed)[-1 if elsewhere else 0])


@contextlib.contextmanager
def pinned(core: int | None) -> Iterator[None]:
    """Processes started inside the block run on `core` only (they inherit it); None changes nothing."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def allow_descriptors(count: int) -> int:
    """Let this process and those it starts open `count` descriptors; returns how many they may open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count <= hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
    elif hard < count:
        with contextlib.suppress(ValueError, OSError):   # only root may raise the hard limit
            resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    for line in lines:
        if line.startswith(("model name", "Model")):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def describe() -> dict[str, object]:
    """What a result depends on: processor, kernel, C library, Python, load at the start."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "architecture": platform.machine(),
        "kernel": f"{platform.system()} {platform.release()}",
        "libc": " ".join(platform.libc_ver()),
        "python": platform.python_version(),
        "python_build": sys.version,
        "load_average": list(os.getloadavg()),
    }
