"""What helps to describe futures: the standard library's own module."""

import sys
from asyncio import base_futures
from asyncio.base_futures import _format_callbacks as _format_callbacks
from asyncio.base_futures import _future_repr_info as _future_repr_info
from asyncio.base_futures import isfuture as isfuture

sys.modules[__name__] = base_futures
