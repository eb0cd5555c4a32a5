"""The echo of `streams` over TLS."""

from ..certificate import server_context
from . import streams


async def start(certificate: str) -> int:
    return await streams.start(ssl=server_context(certificate))
