"""The load generator: runs in a process of its own, pinned away from the servers."""

import os
import signal
import time
from array import array
from dataclasses import dataclass

from demo import shop
from demo.checks import check_all
from demo.client import Address
from demo.server import cpu_seconds
from demo.workloads import until, workloads


@dataclass(frozen=True)
class Round:
    """What one workload did to one server: times in seconds, ``latencies`` of each request."""

    latencies: array
    seconds: float
    server_cpu: float

    @property
    def requests(self) -> int:
        return len(self.latencies)


def prepare(cpu: int | None, archive_mebibytes: int) -> None:
    """Make this process a load generator: on ``cpu``, deaf to Ctrl-C (its parent tells it when to stop)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})
    shop.archive_sha256(archive_mebibytes)


def verify(address: Address, archive_mebibytes: int) -> int:
    return check_all(address, archive_mebibytes)


def measure(workload: str, address: Address, pid: int, seconds: float, archive_mebibytes: int) -> Round:
    """Keep the server ``pid`` busy with ``workload`` for ``seconds``; raise Mismatch at the first wrong reply."""
    job = workloads(archive_mebibytes)[workload]
    with job.kind(address, job.connections) as group:
        group.run([job.opening] * job.connections)
        scripts = [job.script(i) for i in range(job.connections)]
        cpu, start = cpu_seconds(pid), time.perf_counter()
        latencies = group.run([until(start + seconds, script) for script in scripts])
        return Round(latencies, time.perf_counter() - start, cpu_seconds(pid) - cpu)
