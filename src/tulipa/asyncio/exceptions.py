"""Exceptions: the standard library's own module."""

import asyncio.exceptions
import sys

sys.modules[__name__] = asyncio.exceptions
