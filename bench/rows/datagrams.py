"""Datagram rows: UDP echo over loopback."""

from __future__ import annotations

from ..driven import DrivenRow

ORDER = 4
CONVERSATIONS = (1, 10, 50)
SIZE = 1024


class DatagramRow(DrivenRow):
    """One datagram under way in each conversation; lost ones are sent again, and counted as `lost`."""

    server, generator, limit = "datagrams", "datagrams", "datagram_echo"

    def __init__(self, conversations: int) -> None:
        super().__init__(f"datagrams-{conversations}x1KiB", "datagrams", f"{conversations} × 1 KiB",
                         "requests per server-CPU-second", higher_is_better=True, quick=conversations == 10)
        self.load = (conversations, SIZE)


ROWS = [DatagramRow(conversations) for conversations in CONVERSATIONS]
