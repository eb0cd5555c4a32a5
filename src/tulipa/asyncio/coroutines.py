"""What a coroutine is: the standard library's own module."""

import asyncio.coroutines
import sys

sys.modules[__name__] = asyncio.coroutines
