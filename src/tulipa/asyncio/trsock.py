"""What a transport shows of its socket: the standard library's own module."""

import sys
from asyncio import trsock
from asyncio.trsock import *  # noqa: F403

sys.modules[__name__] = trsock
