"""Rows in which a server process is driven, and measured, by a load generator in C."""

from __future__ import annotations

from typing import Any

from .contenders import Contender
from .native import NoCompiler, program
from .process import ask, child_command, serving, settle
from .row import Failed, Row, Sample, Settings


class DrivenRow(Row):
    """How often the server did something per second of its processor time, counted while the load runs.

    `server` is a module of bench.servers, `generator` and `limit` are programs of bench.native, `load` is what the
    generator is told between the port and the times.
    """

    server: str
    generator: str
    limit: str
    load: tuple[int, ...]
    dialect: str | None = None                     # of the generator `load`, where it is not to speak `echo`
    patience = 30.0                                # seconds that the generator may take beyond the measured time

    def unavailable(self) -> str | None:
        try:
            for name in {self.generator, self.limit}:
                program(name)
        except NoCompiler as error:
            return str(error)
        return None

    def options(self) -> tuple[object, ...]:
        """What the server is told, the limit's as well as the contenders'."""
        return ()

    def server_command(self, contender: Contender) -> list[str]:
        if contender.is_native:
            return [str(program(self.limit)), *map(str, self.options())]
        return child_command("serve", contender.name, self.server, *self.options())

    def generator_command(self, port: int | str, pid: int, settings: Settings) -> list[str]:
        parts = (program(self.generator), port, *self.load, settings.warmup, settings.seconds, pid)
        return [str(part) for part in (*parts, *filter(None, [self.dialect]))]

    def measure(self, contender: Contender, settings: Settings) -> Sample:
        with serving(self.server_command(contender), settings.cores.server) as server:
            command = self.generator_command(server.answer["port"], server.pid, settings)
            try:
                result = ask(command, settings.cores.generator,
                             patience=self.patience + settings.warmup + settings.seconds)
            except Failed:
                settle(server)
                raise
            server.check()
        return self.sample_of(result)

    def sample_of(self, result: dict[str, Any]) -> Sample:
        """A Sample out of the generator's answer. Raises Failed when nothing was measured."""
        return rate_of(result)


def rate_of(result: dict[str, Any], each: float = 1) -> Sample:
    """Requests, each counted `each` times, per second of the server's processor time."""
    if result["requests"] == 0 or result["server_cpu"] <= 0:
        raise Failed("no request was completed in the measured window")
    known = ("p50_us", "p90_us", "p99_us", "max_us", "requests", "seconds", "left_open", "lost")
    return Sample(
        value=each * result["requests"] / result["server_cpu"],
        details={
            "wall_rps": result["requests"] / result["seconds"],
            "server_busy": result["server_cpu"] / result["seconds"],
            "generator_busy": result["generator_cpu"] / result["seconds"],
            **{name: result[name] for name in known if name in result},
        },
        histogram=[(start, count) for start, count in result["histogram"]],
    )
