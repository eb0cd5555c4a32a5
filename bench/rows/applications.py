"""Application rows: what well-known libraries do on each loop, and a client that talks to a store."""

from __future__ import annotations

import importlib.util

from ..contenders import Contender
from ..driven import DrivenRow
from ..native import NoCompiler, program
from ..process import ask, child_command, serving
from ..row import Row, Sample, Settings

ORDER = 9
CONNECTIONS = 10
SIZE = 1024
SERVERS = {                                       # module in bench.servers: title, packages, dialect
    "aiohttp_hello": ("aiohttp, hello", ("aiohttp",), "http"),
    "uvicorn_hello": ("uvicorn, httptools, hello", ("uvicorn", "httptools"), "http"),
    "websocket_echo": ("websockets, 1 KiB echo", ("websockets",), "websocket"),
}
GROUP, UNIT = "applications", "requests per CPU-second"


class ApplicationRow(DrivenRow):
    """One request under way on each of ten connections that stay open."""

    generator, limit = "load", "load"              # there is no limit in C
    high_level = True

    def __init__(self, server: str) -> None:
        title, self.packages, self.dialect = SERVERS[server]
        super().__init__(server.replace("_", "-"), GROUP, title, UNIT, higher_is_better=True, quick=True)
        self.server = server
        self.load = (CONNECTIONS, SIZE)

    def unavailable(self) -> str | None:
        lacking = [name for name in self.packages if importlib.util.find_spec(name) is None]
        return f"not installed: pip install {' '.join(lacking)}" if lacking else super().unavailable()

    def refuses(self, contender: Contender) -> str | None:
        return "there is no such server in C" if contender.is_native else super().refuses(contender)


class PipelineRow(Row):
    """A Redis-like client with ten connections, twenty commands at a time on each: commands per second of its CPU.

    The store is a program in C on the other core.
    """

    high_level = True

    def __init__(self) -> None:
        super().__init__("redis-client", GROUP, "pipelined Redis-like client", UNIT, higher_is_better=True, quick=True)

    def unavailable(self) -> str | None:
        try:
            program("store")
        except NoCompiler as error:
            return str(error)
        return None

    def refuses(self, contender: Contender) -> str | None:
        return "there is no such client in C" if contender.is_native else super().refuses(contender)

    def measure(self, contender: Contender, settings: Settings) -> Sample:
        with serving([str(program("store"))], settings.cores.generator) as store:
            command = child_command("time", contender.name, "redis", "pipelined", settings.seconds,
                                    store.answer["port"])
            result = ask(command, settings.cores.server, patience=60 + 10 * settings.seconds)
            store.check()
        return Sample(1e9 / result["cpu_ns"],
                      {"commands_per_second": 1e9 / result["wall_ns"], "operations": result["operations"]})


ROWS = [*map(ApplicationRow, SERVERS), PipelineRow()]
