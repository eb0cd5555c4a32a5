"""Scheduler rows: time per operation inside one process, without any input or output."""

from __future__ import annotations

from ..contenders import Contender
from ..process import ask, child_command
from ..row import Row, Sample, Settings

ORDER = 2
WORKLOADS = {                                     # function in bench.workloads.scheduler: title
    "sleep0": "sleep(0)",
    "own_sleep0": "sleep(0), the loop's own",
    "spawn": "spawn and await",
    "gather": "gather",
    "call_soon": "call_soon",
    "call_later": "call_later, cancel",
}


class SchedulerRow(Row):
    """Nanoseconds of processor time per operation."""

    def __init__(self, workload: str) -> None:
        super().__init__(workload, "scheduler", WORKLOADS[workload], "ns of CPU per operation",
                         higher_is_better=False, quick=True)

    def refuses(self, contender: Contender) -> str | None:
        if contender.is_native:
            return "it has no scheduler"
        return f"its scheduler is {contender.upon}'s" if contender.upon else None

    def measure(self, contender: Contender, settings: Settings) -> Sample:
        command = child_command("time", contender.name, "scheduler", self.name, settings.seconds)
        result = ask(command, settings.cores.server, patience=60 + 10 * settings.seconds)
        return Sample(value=result["cpu_ns"],
                      details={"wall_ns": result["wall_ns"], "operations": result["operations"]})


ROWS = [SchedulerRow(workload) for workload in WORKLOADS]
