"""What other loops build their child processes' transports from: the standard library's own module."""

import asyncio.base_subprocess
import sys

sys.modules[__name__] = asyncio.base_subprocess
