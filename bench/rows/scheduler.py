"""Scheduler and synchronisation rows: time per operation inside one process, without any input or output."""

from __future__ import annotations

from ..contenders import Contender
from ..process import ask, child_command
from ..row import STARTING, Row, Sample, Settings

ORDER = 2
MILLION_SECONDS = 6.0                              # that a million timers take with all that is around them
UNIT = "ns of CPU per operation"
SCHEDULER = {                                     # function in bench.workloads.scheduler: title
    "sleep0": "sleep(0)",
    "own_sleep0": "sleep(0), the loop's own",
    "spawn": "spawn and await",
    "spawn_many": "spawn 1,000, await all",
    "gather": "gather",
    "task_group": "TaskGroup",
    "eager": "eager tasks",
    "call_soon": "call_soon",
    "call_soon_threadsafe": "call_soon_threadsafe",
    "run_in_executor": "run_in_executor",
    "call_later": "call_later, cancel",
    "timeout": "timeout()",
    "wait_for": "wait_for",
}
SYNCHRONISATION = {                               # function in bench.workloads.synchronisation: title
    "queue": "queue, ping-pong",
    "lock": "lock, ten tasks",
    "event": "event, ping-pong",
    "semaphore": "semaphore, ten tasks",
    "condition": "condition, ten tasks",
}
LOOP_ALONE = ("own_sleep0", "call_soon", "call_soon_threadsafe", "run_in_executor", "call_later")


class InnerRow(Row):
    """What is measured inside one Python process, of which loops only the loop counts."""

    def refuses(self, contender: Contender) -> str | None:
        if contender.is_native:
            return "it has no scheduler"
        return f"its scheduler is {contender.upon}'s" if contender.upon else super().refuses(contender)


class SchedulerRow(InnerRow):
    """Nanoseconds of processor time per operation."""

    def __init__(self, module: str, workload: str, title: str) -> None:
        super().__init__(workload, module, title, UNIT, higher_is_better=False, quick=True)
        self.high_level = workload not in LOOP_ALONE

    def duration(self, settings: Settings) -> float:
        return STARTING + 1.3 * settings.seconds           # the size of the batches is found first

    def measure(self, contender: Contender, settings: Settings) -> Sample:
        command = child_command("time", contender.name, self.group, self.name, settings.seconds)
        result = ask(command, settings.cores.server, patience=60 + 10 * settings.seconds)
        return Sample(value=result["cpu_ns"],
                      details={"wall_ns": result["wall_ns"], "operations": result["operations"]})


class MillionTimersRow(InnerRow):
    """A million timers are added, in no order, and then cancelled in another."""

    def __init__(self) -> None:
        super().__init__("million_timers", "scheduler", "a million timers", UNIT,
                         higher_is_better=False)

    def duration(self, settings: Settings) -> float:
        return MILLION_SECONDS

    def measure(self, contender: Contender, settings: Settings) -> Sample:
        result = ask(child_command("run", contender.name, "crowds", "timers"), settings.cores.server, patience=120)
        return Sample(result["cpu_ns"], {name: result[name] for name in ("add_ns", "cancel_ns")})


ROWS = [
    *(SchedulerRow("scheduler", workload, title) for workload, title in SCHEDULER.items()),
    MillionTimersRow(),
    *(SchedulerRow("synchronisation", workload, title) for workload, title in SYNCHRONISATION.items()),
]
