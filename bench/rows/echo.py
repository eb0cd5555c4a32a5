"""Echo rows: a server in one of several styles, driven by the C load generator over loopback TCP or a UNIX socket."""

from __future__ import annotations

import tempfile

from ..contenders import Contender
from ..driven import DrivenRow
from ..machine import allow_descriptors
from ..row import Sample, Settings

ORDER = 1
SIZES = {128: "128 B", 1024: "1 KiB", 65536: "64 KiB", 1 << 20: "1 MiB"}
LATENCIES = [(connections, 1024) for connections in (1, 10, 100, 1000)]
OTHERS = 100                                       # descriptors that are not connections
HIGH_LEVEL = ("streams", "lines", "lengths", "unix_streams")


class EchoRow(DrivenRow):
    """One message under way on each connection."""

    generator, limit = "load", "echo"

    def __init__(self, style: str, connections: int, size: int, *, group: str = "", title: str = "",
                 dialect: str | None = None, quick: bool = False) -> None:
        size_text = SIZES[size]
        super().__init__(
            f"{style.replace('_', '-')}-{connections}x{size_text.replace(' ', '')}", group or style,
            title or f"{connections:,} × {size_text}", "requests per server-CPU-second",
            higher_is_better=True, quick=quick)
        self.server = style
        self.load = (connections, size)
        self.dialect = dialect
        self.high_level = style in HIGH_LEVEL

    def unavailable(self) -> str | None:
        connections = self.load[0]
        if allow_descriptors(connections + OTHERS) < connections + OTHERS:
            return f"needs {connections + OTHERS:,} descriptors in a process (ulimit -Hn)"
        return super().unavailable()


class UnixRow(EchoRow):
    """The same over a UNIX socket in a directory of its own."""

    address = ""

    def options(self) -> tuple[object, ...]:
        return (self.address,)

    def measure(self, contender: Contender, settings: Settings) -> Sample:
        with tempfile.TemporaryDirectory(prefix="bench-") as directory:
            self.address = f"unix:{directory}/socket"
            return super().measure(contender, settings)


def _matrix(style: str, group: str, loads: list[tuple[int, int]], quick: list[tuple[int, int]]) -> list[EchoRow]:
    return [EchoRow(style, connections, size, group=group, quick=(connections, size) in quick)
            for connections, size in loads]


ROWS = [
    *_matrix("protocol", "protocol", [*LATENCIES, (10, 65536), (10, 1 << 20)], [(10, 1024), (10, 65536)]),
    *_matrix("buffered", "buffered protocol", [(10, 1024), (10, 65536), (10, 1 << 20)], [(10, 65536)]),
    *_matrix("streams", "streams", [*LATENCIES, (10, 65536)], [(10, 1024)]),
    EchoRow("lines", 10, 128, group="streams", title="lines, 10 × 128 B", dialect="lines", quick=True),
    EchoRow("lengths", 10, 1024, group="streams", title="length in front, 10 × 1 KiB", dialect="lengths", quick=True),
    UnixRow("unix_streams", 10, 1024, group="streams", title="UNIX socket, 10 × 1 KiB", quick=True),
    *_matrix("sockets", "low-level sockets", [*LATENCIES, (10, 65536)], [(10, 1024)]),
]
