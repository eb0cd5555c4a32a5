"""What the standard library's locks and queues share: the standard library's own module."""

import asyncio.mixins
import sys

sys.modules[__name__] = asyncio.mixins
