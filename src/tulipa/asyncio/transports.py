"""Abstract classes of transports: the standard library's own module."""

import sys
from asyncio import transports
from asyncio.transports import *  # noqa: F403

sys.modules[__name__] = transports
