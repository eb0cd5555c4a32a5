"""Constants: the standard library's own module."""

import sys
from asyncio import constants
from asyncio.constants import *  # noqa: F403

sys.modules[__name__] = constants
