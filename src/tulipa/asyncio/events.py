"""Loops: running, current, new; handles."""

from asyncio.events import (
    AbstractEventLoop,
    AbstractServer,
    _get_running_loop,
    _set_running_loop,
    get_running_loop,
)

from tulipa._core.handles import Handle
from tulipa._core.timers import TimerHandle
from tulipa.policy import (
    get_event_loop,
    get_event_loop_policy,
    new_event_loop,
    set_event_loop,
    set_event_loop_policy,
)

_get_event_loop_policy = get_event_loop_policy
_set_event_loop_policy = set_event_loop_policy

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
