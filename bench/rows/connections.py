"""What connections cost apart from their traffic: coming and going, and standing by while others work."""

from __future__ import annotations

import dataclasses
import statistics

from ..contenders import Contender
from ..driven import DrivenRow
from ..native import program
from ..process import ask, serving
from ..row import Sample, Settings
from .memory import CROWD, CROWD_SECONDS, SIZE, lacks_descriptors

ORDER = 5
AT_ONCE = 10
LEAVING = 1.0                                      # seconds for the server to close the connections of the crowd


class VisitRow(DrivenRow):
    """Ten at once: connect, one message and its echo, close from both sides."""

    server, generator, limit = "protocol", "visits", "echo"
    load = (AT_ONCE, SIZE)

    def __init__(self) -> None:
        super().__init__("visits", "connections", "accept, echo, close", "connections per server-CPU-second",
                         higher_is_better=True, quick=True)


class IdleRow(DrivenRow):
    """How much of its echo rate a server keeps while 10,000 idle connections, with ten timers each, are there.

    One server process is measured three times: before the crowd has come, while it is there, and after it has gone.
    """

    server, generator, limit = "idle", "load", "echo"
    load = (AT_ONCE, SIZE)

    def __init__(self) -> None:
        super().__init__("idle-echo", "idle", f"beside {CROWD:,} connections",
                         "% of the echo rate kept", higher_is_better=True)

    def unavailable(self) -> str | None:
        return lacks_descriptors() or super().unavailable()

    def measure(self, contender: Contender, settings: Settings) -> Sample:
        with serving(self.server_command(contender), settings.cores.server) as server:
            port, pid = server.answer["port"], server.pid
            crowd = [str(part) for part in (program("crowd"), port, CROWD, SIZE, pid, "stay")]
            later = dataclasses.replace(settings, warmup=settings.warmup + LEAVING)
            alone = [self.drive(port, pid, settings)]
            with serving(crowd, settings.cores.generator):
                crowded = self.drive(port, pid, settings)
            alone.append(self.drive(port, pid, later))
            server.check()
        kept = crowded.value / statistics.fmean(sample.value for sample in alone)
        return Sample(100 * kept, {"alone": alone[0].value, "crowded": crowded.value, "alone_again": alone[1].value})

    def duration(self, settings: Settings) -> float:
        return CROWD_SECONDS + LEAVING + 3 * super().duration(settings)

    def drive(self, port: int, pid: int, settings: Settings) -> Sample:
        result = ask(self.generator_command(port, pid, settings), settings.cores.generator,
                     patience=self.patience + settings.warmup + settings.seconds)
        return self.sample_of(result)


ROWS = [VisitRow(), IdleRow()]
