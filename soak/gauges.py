"""What a process and its loop hold, measured while nothing is under way, and whether it has grown."""

import asyncio
import collections
import gc
import os
import statistics
import sys
import threading
from dataclasses import dataclass, field

PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096

# Whatever is opened is closed when nothing is under way: these may not grow by one.
EXACT = ("descriptors", "tasks", "timers", "watchers", "threads", "children")
# Caches and fragmentation move these; how far, as (share of the first, absolute).
LOOSE = {"objects": (0.02, 500), "blocks": (0.02, 5_000), "memory": (0.06, 6 * 1024 * 1024)}
UNITS = {"memory": "bytes resident", "blocks": "blocks of memory"}


@dataclass
class Sample:
    """One measurement. `memory` in bytes; `types` has the number of objects of each type, or nothing any more."""

    seconds: float
    memory: int
    blocks: int
    objects: int
    descriptors: int
    tasks: int
    timers: int
    watchers: int
    threads: int
    children: int
    types: collections.Counter = field(repr=False)


def measure(loop, seconds):
    """A Sample; the caller has let everything come to its end, and is the only task that runs."""
    for _ in range(3):
        gc.collect()
    objects = gc.get_objects()
    types = collections.Counter(f"{type(thing).__module__}.{type(thing).__qualname__}" for thing in objects)
    _, timers, watchers = loop._pending_counts() if hasattr(loop, "_pending_counts") else (0, 0, 0)
    return Sample(
        seconds=seconds,
        memory=resident(),
        blocks=sys.getallocatedblocks(),
        objects=len(objects),
        descriptors=len(descriptors()),
        tasks=len(asyncio.all_tasks(loop)),
        timers=timers,
        watchers=watchers,
        threads=threading.active_count(),
        children=len(children()),
        types=types,
    )


def resident():
    """Bytes of memory that the process occupies; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * PAGE
    except OSError:
        return 0


def descriptors():
    """What the process's open descriptors lead to."""
    try:
        numbers = os.listdir("/proc/self/fd")
    except OSError:
        return []
    found = []
    for number in numbers:
        try:
            found.append(os.readlink(f"/proc/self/fd/{number}"))
        except OSError:
            pass  # the descriptor that listed the directory
    return found


def children():
    """The numbers of the process's children, those that nobody has waited for included."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            return file.read().split()
    except OSError:
        return []


def growth(samples):
    """What has grown from the second quarter of the samples to the last, one sentence each; none of less than four."""
    if len(samples) < 4:
        return []
    quarter = max(len(samples) // 4, 1)
    early, late = samples[quarter : 2 * quarter], samples[-quarter:]
    complaints = []
    for name in (*EXACT, *LOOSE):
        before = statistics.median(getattr(sample, name) for sample in early)
        after = statistics.median(getattr(sample, name) for sample in late)
        share, least = LOOSE.get(name, (0.0, 0.0))
        if after - before > max(share * before, least):
            unit = UNITS.get(name, name)
            complaints.append(
                f"{name}: {before:,.0f} {unit} after {early[0].seconds:.0f} s, "
                f"{after:,.0f} after {late[-1].seconds:.0f} s"
            )
    if any(complaint.startswith("objects") for complaint in complaints):
        more = (samples[-1].types - samples[1].types).most_common(8)
        complaints.append("more of: " + ", ".join(f"{count} {name}" for name, count in more))
    return complaints
