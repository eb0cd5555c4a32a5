"""What helps to describe callbacks: the standard library's own module."""

import asyncio.format_helpers
import sys

sys.modules[__name__] = asyncio.format_helpers
