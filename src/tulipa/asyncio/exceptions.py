"""Exceptions: the standard library's own module."""

import sys
from asyncio import exceptions
from asyncio.exceptions import *  # noqa: F403

sys.modules[__name__] = exceptions
