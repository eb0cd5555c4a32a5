"""Child process rows: how many are started, waited for and reaped in a second."""

from __future__ import annotations

from ..contenders import Contender
from ..process import ask, child_command
from ..row import Row, Sample, Settings

ORDER = 5
WORKLOADS = {                                     # function in bench.workloads.children: title
    "one_by_one": "true, one by one",
    "talking": "cat by pipes, 20 at once",
}


class ChildrenRow(Row):
    """Child processes per second of wall clock: the kernel's work is the greater part."""

    def __init__(self, workload: str) -> None:
        super().__init__(f"children_{workload}", "children", WORKLOADS[workload], "children per second",
                         higher_is_better=True)
        self.workload = workload

    def refuses(self, contender: Contender) -> str | None:
        return "it starts no processes" if contender.is_native else None

    def measure(self, contender: Contender, settings: Settings) -> Sample:
        command = child_command("time", contender.name, "children", self.workload, settings.seconds)
        result = ask(command, settings.cores.server, patience=60 + 10 * settings.seconds)
        return Sample(value=1e9 / result["wall_ns"],
                      details={"cpu_ns": result["cpu_ns"], "operations": result["operations"]})


ROWS = [ChildrenRow(workload) for workload in WORKLOADS]
