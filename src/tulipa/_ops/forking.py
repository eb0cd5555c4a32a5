"""What a forked child does with the loops that it has inherited.

A child has a copy of each loop, but shares what the kernel keeps for it with the parent: an epoll set, the wake-up
pipe. So each driver lets go of them in the child before anything else runs there, and makes its own when the loop is
used. A child may

- make and run loops of its own, inside of a callback of an inherited one too;
- run a loop that did not run when the process was forked, and go on with the one that forked it by returning from
  the callback: they watch the same files, by a set of their own;
- close any loop but that last one.

A loop that another thread was running can't go on: that thread is not in the child.
"""

import asyncio
import os
import threading
import weakref

from tulipa._ops import signals

_loops: "weakref.WeakSet" = weakref.WeakSet()

_FORKED_INSIDE = (
    "This event loop was running when the process was forked, and goes on in the child {pid} when the callback "
    "returns; make a new loop there, by asyncio.run() or asyncio.new_event_loop(), and leave by os._exit()"
)
_WITHOUT_THREAD = (
    "This event loop was running in another thread when the process was forked, and that thread is not in the "
    "child {pid}; make a new loop there, by asyncio.run() or asyncio.new_event_loop()"
)


def remember(loop):
    """A new loop: a child forked from now on will have a copy of it."""
    _loops.add(loop)


def check(loop):
    """Raise RuntimeError where this copy of the loop can't be run, nor closed while it runs, in a forked child."""
    if loop._why_not_here is not None:
        raise RuntimeError(loop._why_not_here)


def over(loop):
    """The run in which the process was forked has ended: nothing is special any more."""
    loop._why_not_here = None


def _in_child():
    """In the child, before os.fork() returns."""
    for loop in list(_loops):
        if not loop.is_closed():
            _cut_off(loop)


def _cut_off(loop):
    # Since Python 3.12 asyncio has done that before.
    signals.forget_wake_up(loop)
    # Its threads are not here: what it was given would wait for ever.
    loop._default_executor = None
    if loop._thread_id == threading.get_ident():
        loop._why_not_here = _FORKED_INSIDE.format(pid=os.getpid())
        asyncio._set_running_loop(loop)  # Python 3.14 asks for that where its current task is left
        loop._after_fork(_go_on)
        asyncio._set_running_loop(None)
        _forget_current(loop)
    else:
        loop._after_fork(None)
        if loop._thread_id:
            loop._thread_id = 0
            loop._why_not_here = _WITHOUT_THREAD.format(pid=os.getpid())
            _forget_current(loop)


def _go_on(loop):
    """The callback in which the process was forked has returned in the child: the loop runs there now."""
    loop._why_not_here = None
    asyncio._set_running_loop(loop)
    signals.take_wake_up(loop)


def _forget_current(loop):
    """asyncio.get_event_loop() is not to give what can't run here. (Since Python 3.12 asyncio forgets every loop.)"""
    local = getattr(getattr(asyncio.events, "_event_loop_policy", None), "_local", None)
    if getattr(local, "_loop", None) is loop:
        local._loop = None
        local._set_called = False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
