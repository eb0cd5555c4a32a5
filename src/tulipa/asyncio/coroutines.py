"""What a coroutine is: the standard library's own module."""

import sys
from asyncio import coroutines
from asyncio.coroutines import *  # noqa: F403

sys.modules[__name__] = coroutines
