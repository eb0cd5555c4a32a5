"""What helps to describe futures: the standard library's own module."""

import asyncio.base_futures
import sys

sys.modules[__name__] = asyncio.base_futures
