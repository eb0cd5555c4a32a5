"""Constants: the standard library's own module."""

import asyncio.constants
import sys

sys.modules[__name__] = asyncio.constants
