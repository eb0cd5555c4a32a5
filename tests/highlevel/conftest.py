"""The library under test: ours, on every loop, and the standard library's, as the reference, on the standard loop.

A test takes ``lib``, a namespace with asyncio's names, beside ``loop``. ``reference_since(3, 13)`` leaves the standard
library's version out where it is older than the behaviour, ``ours_only`` everywhere: it has a fault there, or nothing.
"""

import asyncio
import sys
import types

import pytest

try:
    from tulipa._core import deadline
    from tulipa._highlevel import (
        barrier,
        gathering,
        graph,
        locks,
        queues,
        runners,
        staggered,
        streams,
        subprocess,
        taskgroups,
        threads,
        waiting,
        wrapping,
    )
except ModuleNotFoundError:
    ROOM = ()
else:
    ROOM = (
        barrier, deadline, gathering, graph, locks, queues, runners, staggered, streams, subprocess, taskgroups,
        threads, waiting, wrapping,
    )  # fmt: skip


def _ours():
    names = {}
    for module in ROOM:
        own = {name: value for name, value in vars(module).items() if not name.startswith("_")}
        names |= {name: value for name, value in own.items() if getattr(value, "__module__", None) == module.__name__}
    if ROOM:
        names["QueueShutDown"] = queues.QueueShutDown
    return types.SimpleNamespace(**names)


def _reference():
    names = {"staggered_race": asyncio.staggered.staggered_race, "FlowControlMixin": asyncio.streams.FlowControlMixin}
    return types.SimpleNamespace(**vars(asyncio), **names)


LIBRARIES = {"asyncio": _reference(), "ours": _ours()}


def pytest_generate_tests(metafunc):
    if "lib" in metafunc.fixturenames:
        metafunc.parametrize("lib", LIBRARIES.values(), ids=list(LIBRARIES))


def pytest_collection_modifyitems(config, items):
    unwanted = [item for item in items if not _is_wanted(item)]
    if unwanted:
        config.hook.pytest_deselected(items=unwanted)
        items[:] = [item for item in items if _is_wanted(item)]


def _is_wanted(item):
    chosen = getattr(item, "callspec", None)
    if chosen is None or chosen.params.get("lib") is not LIBRARIES["asyncio"]:
        return chosen is None or "lib" not in chosen.params or bool(ROOM)
    if "loop_factory" in chosen.params and not chosen.params["loop_factory"].is_std:
        return False
    since = [sys.version_info >= mark.args for mark in item.iter_markers("reference_since")]
    return all(since) and item.get_closest_marker("ours_only") is None


@pytest.fixture
def reader(loop, lib):
    """A StreamReader that the test feeds."""
    return lib.StreamReader(loop=loop)
