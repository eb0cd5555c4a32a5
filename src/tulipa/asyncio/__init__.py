"""The whole of asyncio, implemented by tulipa: ``from tulipa import asyncio``.

Its modules have asyncio's names. Those that hold only vocabulary (exceptions, abstract and protocol base classes,
constants, helpers for texts) are the standard library's own module objects, so that both worlds speak of the same
things.
"""

# ruff: noqa: F401  # what is imported is the package
from tulipa.asyncio import (
    _beneath,
    base_events,
    base_futures,
    base_subprocess,
    base_tasks,
    constants,
    coroutines,
    events,
    exceptions,
    format_helpers,
    futures,
    graph,
    locks,
    log,
    mixins,
    protocols,
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
    transports,
    trsock,
    unix_events,
)

# Modules of other platforms (`proactor_events`), and newer ones that have no counterpart here, are loaded from there.
__path__ = [*__path__, *_beneath.standard_path()]

_beneath.complete(*_beneath.modules_in(globals()))

# As in asyncio: what its modules offer, but for two that offer nothing to programs.
__all__ = _beneath.gather_names(globals(), without=(selector_events, staggered))


# What only the running version's asyncio has (child watchers, policies). While a module has a `__getattr__`, Python
# looks for each of its names anew in each access; so ours has one only where asyncio's has, for its deprecations.
if _beneath.NAMES_ARE_ASKED_FOR:

    def __getattr__(name):
        """An older name, with its deprecation."""
        return _beneath.older_name(name)

else:
    _beneath.add_older_names(globals())
