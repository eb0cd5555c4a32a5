"""Echo rows: a server in one of four styles, driven by the C load generator over loopback TCP."""

from __future__ import annotations

from ..contenders import Contender
from ..native import program
from ..process import ask, child_command, serving, settle
from ..row import Failed, Row, Sample, Settings

ORDER = 1
STYLES = {                                        # module in bench.servers: group as printed
    "protocol": "protocol",
    "buffered": "buffered protocol",
    "streams": "streams",
    "sockets": "low-level sockets",
}
CONNECTIONS = (1, 10, 100)
SIZES = {1024: "1 KiB", 65536: "64 KiB"}


class EchoRow(Row):
    """Requests per second of the server's processor time, counted only while the load runs."""

    def __init__(self, style: str, connections: int, size: int) -> None:
        super().__init__(
            f"{style}-{connections}x{SIZES[size].replace(' ', '')}", STYLES[style],
            f"{connections} × {SIZES[size]}", "requests per server-CPU-second",
            higher_is_better=True, quick=connections == 10 and (size == 1024 or style == "protocol"))
        self.style = style
        self.connections = connections
        self.size = size

    def measure(self, contender: Contender, settings: Settings) -> Sample:
        if contender.is_native:
            command = [str(program("echo"))]
        else:
            command = child_command("serve", contender.name, self.style)
        with serving(command, settings.cores.server) as server:
            load = [program("load"), server.answer["port"], self.connections, self.size,
                    settings.warmup, settings.seconds, server.pid]
            try:
                result = ask([str(part) for part in load], settings.cores.generator,
                             patience=30 + settings.warmup + settings.seconds)
            except Failed:
                settle(server)
                raise
            server.check()
        return sample_of(result)


def sample_of(result: dict) -> Sample:
    """A Sample out of the load generator's answer. Raises Failed when nothing was measured."""
    if result["requests"] == 0 or result["server_cpu"] <= 0:
        raise Failed("no request was completed in the measured window")
    return Sample(
        value=result["requests"] / result["server_cpu"],
        details={
            "wall_rps": result["requests"] / result["seconds"],
            "server_busy": result["server_cpu"] / result["seconds"],
            "generator_busy": result["generator_cpu"] / result["seconds"],
            **{name: result[name] for name in ("p50_us", "p90_us", "p99_us", "max_us", "requests", "seconds",
                                               "left_open")},
        },
        histogram=[(start, count) for start, count in result["histogram"]],
    )


ROWS = [EchoRow(style, connections, size)
        for style in STYLES for size in SIZES for connections in CONNECTIONS]
