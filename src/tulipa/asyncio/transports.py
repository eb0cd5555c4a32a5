"""Abstract classes of transports: the standard library's own module."""

import asyncio.transports
import sys

sys.modules[__name__] = asyncio.transports
