"""The echo of `protocol` over TLS."""

from ..certificate import server_context
from . import protocol


async def start(certificate: str) -> int:
    return await protocol.start(ssl=server_context(certificate))
