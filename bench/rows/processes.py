"""Child process rows: start them, and wait for their ends."""

from __future__ import annotations

import shutil

from ..contenders import Contender
from ..native import NoCompiler, program
from ..process import ask, child_command
from ..row import Row, Sample, Settings

ORDER = 6
WORKLOADS = {                                     # function in bench.workloads.children: title
    "one_by_one": "true, one by one",
    "ten_at_once": "true, ten at once",
    "talking": "cat by pipes, ten at once",
}


class ChildrenRow(Row):
    """Children per second of processor time, the parent's and the children's together.

    The child begins as a part of its parent, so the price of starting it lies in both.
    """

    high_level = True

    def __init__(self, workload: str) -> None:
        super().__init__(f"children-{workload.replace('_', '-')}", "child processes", WORKLOADS[workload],
                         "children per CPU-second", higher_is_better=True, quick=workload == "one_by_one")
        self.workload = workload

    def unavailable(self) -> str | None:
        try:
            program("children")
        except NoCompiler as error:
            return str(error)
        return None if shutil.which("true") else "needs the program `true`"

    def refuses(self, contender: Contender) -> str | None:
        if contender.is_native and self.workload != "one_by_one":
            return "it starts one at a time"
        return super().refuses(contender)

    def measure(self, contender: Contender, settings: Settings) -> Sample:
        if contender.is_native:
            command = [str(program("children")), str(shutil.which("true")), str(settings.seconds)]
        else:
            command = child_command("time", contender.name, "children", self.workload, settings.seconds)
        result = ask(command, settings.cores.server, patience=60 + 10 * settings.seconds)
        return Sample(1e9 / result["cpu_ns"],
                      {"children_per_second": 1e9 / result["wall_ns"], "operations": result["operations"]})


ROWS = [ChildrenRow(workload) for workload in WORKLOADS]
