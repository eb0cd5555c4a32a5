"""The logger: the standard library's own module."""

import sys
from asyncio import log
from asyncio.log import *  # noqa: F403

sys.modules[__name__] = log
