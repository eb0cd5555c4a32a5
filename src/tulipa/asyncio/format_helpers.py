"""What helps to describe callbacks: the standard library's own module."""

import sys
from asyncio import format_helpers
from asyncio.format_helpers import _format_callback as _format_callback
from asyncio.format_helpers import _format_callback_source as _format_callback_source
from asyncio.format_helpers import _get_function_source as _get_function_source
from asyncio.format_helpers import extract_stack as extract_stack

sys.modules[__name__] = format_helpers
