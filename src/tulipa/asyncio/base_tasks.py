"""What helps to describe tasks: the standard library's own module."""

import asyncio.base_tasks
import sys

sys.modules[__name__] = asyncio.base_tasks
