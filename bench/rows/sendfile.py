"""The sendfile row: a file to a TCP connection, by the kernel alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..driven import DrivenRow, rate_of
from ..native import CACHE
from ..row import Sample, Settings

ORDER = 7
MEBIBYTES = 1024
FILE_SECONDS = 0.35                                # of one download; the last begins before the end
SIZE = MEBIBYTES << 20


class SendfileRow(DrivenRow):
    """Downloads of 1 GiB, one after the other. The file has no blocks on the disk: it is read from memory."""

    server, generator, limit = "sendfile", "downloads", "send_file"
    load = (SIZE,)

    def __init__(self) -> None:
        super().__init__("sendfile", "sendfile", "1 GiB", "MiB per server-CPU-second", higher_is_better=True)

    def duration(self, settings: Settings) -> float:
        return super().duration(settings) + 2 * FILE_SECONDS

    def options(self) -> tuple[object, ...]:
        return (_sparse_file(),)

    def sample_of(self, result: dict[str, Any]) -> Sample:
        return rate_of(result, each=MEBIBYTES)


def _sparse_file() -> Path:
    path = CACHE / "sparse"
    CACHE.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.truncate(SIZE)
    return path


ROWS = [SendfileRow()]
