"""Abstract and base classes of protocols: the standard library's own module."""

import sys
from asyncio import protocols
from asyncio.protocols import *  # noqa: F403

sys.modules[__name__] = protocols
