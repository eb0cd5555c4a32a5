"""The logger: the standard library's own module."""

import asyncio.log
import sys

sys.modules[__name__] = asyncio.log
