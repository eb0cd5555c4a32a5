"""The whole of asyncio, implemented by tulipa: ``from tulipa import asyncio``.

Its modules have asyncio's names. Those that hold only vocabulary (exceptions, abstract and protocol base classes,
constants, helpers for texts) are the standard library's own module objects, so that both worlds speak of the same
things.
"""

from asyncio import (
    base_futures,
    base_subprocess,
    base_tasks,
    constants,
    coroutines,
    exceptions,
    format_helpers,
    log,
    mixins,
    protocols,
    transports,
    trsock,
)

from tulipa.asyncio import (
    _beneath,
    base_events,
    events,
    futures,
    graph,
    locks,
    queues,
    runners,
    selector_events,
    sslproto,
    staggered,
    streams,
    subprocess,
    taskgroups,
    tasks,
    threads,
    timeouts,
    unix_events,
)

# Modules of other platforms (`proactor_events`), and newer ones that have no counterpart here, are loaded from there.
__path__ = [*__path__, *_beneath.standard_path()]

_beneath.share(
    base_futures,
    base_subprocess,
    base_tasks,
    constants,
    coroutines,
    exceptions,
    format_helpers,
    log,
    mixins,
    protocols,
    transports,
    trsock,
)
_beneath.complete(
    base_events,
    events,
    futures,
    graph,
    locks,
    queues,
    runners,
    selector_events,
    sslproto,
    staggered,
    streams,
    subprocess,
    taskgroups,
    tasks,
    threads,
    timeouts,
    unix_events,
)

# ruff: noqa: E402, F403, F405  # after the modules are complete; the names are those of their __all__
from asyncio.coroutines import *
from asyncio.exceptions import *
from asyncio.protocols import *
from asyncio.transports import *

from tulipa.asyncio.base_events import *
from tulipa.asyncio.events import *
from tulipa.asyncio.futures import *
from tulipa.asyncio.graph import *
from tulipa.asyncio.locks import *
from tulipa.asyncio.queues import *
from tulipa.asyncio.runners import *
from tulipa.asyncio.streams import *
from tulipa.asyncio.subprocess import *
from tulipa.asyncio.taskgroups import *
from tulipa.asyncio.tasks import *
from tulipa.asyncio.threads import *
from tulipa.asyncio.timeouts import *
from tulipa.asyncio.unix_events import *

__all__ = (
    base_events.__all__
    + coroutines.__all__
    + events.__all__
    + exceptions.__all__
    + futures.__all__
    + graph.__all__
    + locks.__all__
    + protocols.__all__
    + runners.__all__
    + queues.__all__
    + streams.__all__
    + subprocess.__all__
    + tasks.__all__
    + taskgroups.__all__
    + threads.__all__
    + timeouts.__all__
    + transports.__all__
    + unix_events.__all__
)


def __getattr__(name):
    """What only the running version's asyncio has (child watchers, policies), with its deprecations."""
    return _beneath.older_name(name)
