"""What helps to describe tasks: the standard library's own module."""

import sys
from asyncio import base_tasks
from asyncio.base_tasks import _task_get_stack as _task_get_stack
from asyncio.base_tasks import _task_print_stack as _task_print_stack
from asyncio.base_tasks import _task_repr_info as _task_repr_info

sys.modules[__name__] = base_tasks
