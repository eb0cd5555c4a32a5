"""The event loop policy: how programs that only say ``asyncio.run(main())`` get this loop.

The standard library keeps the policy in force, in every mode. Where that is its own default, which nobody chose,
tulipa's asyncio has a policy of its own beside it, which shares its state: the current loop is the same for both.
"""

import asyncio
import sys
import threading
import warnings

from tulipa.loop import EventLoop

# Python 3.14 deprecates policies, and says so whenever their names are used; asyncio's own code asks the policy still.
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    _DefaultPolicy = getattr(asyncio, "DefaultEventLoopPolicy", object)


class EventLoopPolicy(_DefaultPolicy):  # type: ignore[misc, valid-type]
    """The default policy, child watcher included where there is one, with new loops of tulipa."""

    _loop_factory = EventLoop

    def new_event_loop(self) -> EventLoop:
        """A new `EventLoop`."""
        return EventLoop()

    def get_event_loop(self):
        """The current loop; up to Python 3.13 one is made for the main thread, with a warning since 3.12."""
        local = self._local
        if (
            (3, 12) <= sys.version_info < (3, 14)
            and local._loop is None
            and not local._set_called
            and threading.current_thread() is threading.main_thread()
        ):
            warnings.warn("There is no current event loop", DeprecationWarning, stacklevel=_depth_outside())
            self.set_event_loop(self.new_event_loop())
        return super().get_event_loop()


def _depth_outside():
    """How many frames up the caller outside of asyncio is, of either one."""
    depth = 1
    frame = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in ("asyncio", "tulipa"):
        frame = frame.f_back
        depth += 1
    return depth


# The standard library's default policy and ours that shares its state.
_beside: dict = {}


def standard_policy():
    """The policy in force, as the standard library has it. RuntimeError on a Python without policies."""
    if _DefaultPolicy is object:
        raise RuntimeError(
            "this Python has no event loop policies; use tulipa.run(main()), "
            "or asyncio.run(main(), loop_factory=tulipa.EventLoop)"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return asyncio.get_event_loop_policy()


def set_standard_policy(policy):
    """Put `policy` in force for the standard library, and so for all."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        asyncio.set_event_loop_policy(policy)


def get_event_loop_policy():
    """The policy that makes loops: the one that was chosen, else tulipa's."""
    policy = standard_policy()
    if type(policy) is not _DefaultPolicy:
        return policy
    ours = _beside.get(policy)
    if ours is None:
        ours = EventLoopPolicy()
        ours._local = policy._local
        _beside.clear()
        _beside[policy] = ours
    return ours


def set_event_loop_policy(policy):
    """Choose a policy; None for the default. Raises TypeError for what is none."""
    asyncio.set_event_loop_policy(policy)


def get_event_loop():
    """The running loop, or else the current one of the policy; RuntimeError where there is none."""
    return asyncio._get_running_loop() or get_event_loop_policy().get_event_loop()


def set_event_loop(loop):
    """Make `loop` the current one of this thread; None for none."""
    get_event_loop_policy().set_event_loop(loop)


def new_event_loop():
    """A new loop, as the policy makes them; tulipa's where none was chosen."""
    if _DefaultPolicy is object:
        return EventLoop()
    return get_event_loop_policy().new_event_loop()
