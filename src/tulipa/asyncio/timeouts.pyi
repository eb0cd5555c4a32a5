from asyncio.timeouts import Timeout as Timeout
from asyncio.timeouts import timeout as timeout
from asyncio.timeouts import timeout_at as timeout_at

__all__ = ("Timeout", "timeout", "timeout_at")
