import sys
from asyncio.events import AbstractEventLoop as AbstractEventLoop
from asyncio.events import AbstractServer as AbstractServer
from asyncio.events import Handle as Handle
from asyncio.events import TimerHandle as TimerHandle
from asyncio.events import _get_running_loop as _get_running_loop
from asyncio.events import _set_running_loop as _set_running_loop
from asyncio.events import get_running_loop as get_running_loop

from tulipa.policy import get_event_loop as get_event_loop
from tulipa.policy import get_event_loop_policy as get_event_loop_policy
from tulipa.policy import new_event_loop as new_event_loop
from tulipa.policy import set_event_loop as set_event_loop
from tulipa.policy import set_event_loop_policy as set_event_loop_policy

if sys.version_info < (3, 14):
    from asyncio.events import AbstractEventLoopPolicy as AbstractEventLoopPolicy
    from asyncio.events import BaseDefaultEventLoopPolicy as BaseDefaultEventLoopPolicy
    from asyncio.events import get_child_watcher as get_child_watcher
    from asyncio.events import set_child_watcher as set_child_watcher

__all__ = (
    "AbstractEventLoop",
    "AbstractServer",
    "Handle",
    "TimerHandle",
    "get_event_loop_policy",
    "set_event_loop_policy",
    "get_event_loop",
    "set_event_loop",
    "new_event_loop",
    "_set_running_loop",
    "get_running_loop",
    "_get_running_loop",
)

_get_event_loop_policy = get_event_loop_policy
_set_event_loop_policy = set_event_loop_policy
