"""Echo rows: a server in one of four styles, driven by the C load generator over loopback TCP."""

from __future__ import annotations

from ..driven import DrivenRow

ORDER = 1
STYLES = {                                        # module in bench.servers: group as printed
    "protocol": "protocol",
    "buffered": "buffered protocol",
    "streams": "streams",
    "sockets": "low-level sockets",
}
CONNECTIONS = (1, 10, 100)
SIZES = {1024: "1 KiB", 65536: "64 KiB"}


class EchoRow(DrivenRow):
    """One message under way on each connection."""

    generator, limit = "load", "echo"

    def __init__(self, style: str, connections: int, size: int) -> None:
        super().__init__(
            f"{style}-{connections}x{SIZES[size].replace(' ', '')}", STYLES[style],
            f"{connections} × {SIZES[size]}", "requests per server-CPU-second",
            higher_is_better=True, quick=connections == 10 and (size == 1024 or style == "protocol"))
        self.server = style
        self.load = (connections, size)


ROWS = [EchoRow(style, connections, size)
        for style in STYLES for size in SIZES for connections in CONNECTIONS]
