"""What a transport shows of its socket: the standard library's own module."""

import asyncio.trsock
import sys

sys.modules[__name__] = asyncio.trsock
