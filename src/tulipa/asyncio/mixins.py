"""What the standard library's locks and queues share: the standard library's own module."""

import sys
from asyncio import mixins
from asyncio.mixins import _global_lock as _global_lock
from asyncio.mixins import _LoopBoundMixin as _LoopBoundMixin

sys.modules[__name__] = mixins
