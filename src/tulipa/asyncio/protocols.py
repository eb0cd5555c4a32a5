"""Abstract and base classes of protocols: the standard library's own module."""

import asyncio.protocols
import sys

sys.modules[__name__] = asyncio.protocols
