"""The event loop policy: how programs that only say ``asyncio.run(main())`` get this loop."""

import asyncio
import warnings

from tulipa.loop import EventLoop

# Python 3.14 deprecates policies, and says so whenever their names are used; asyncio's own code asks the policy still.
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    _DefaultPolicy = getattr(asyncio, "DefaultEventLoopPolicy", object)

_before: list = []


class EventLoopPolicy(_DefaultPolicy):  # type: ignore[misc, valid-type]
    """The default policy, child watcher included where there is one, with new loops of tulipa."""

    def new_event_loop(self) -> EventLoop:
        """A new `EventLoop`."""
        return EventLoop()


def install() -> None:
    """From now on ``asyncio.run()``, ``asyncio.Runner()`` and ``asyncio.new_event_loop()`` make tulipa's loops.

    Forked children have it too; in a process that is started anew (multiprocessing's "spawn" and "forkserver") call
    it again. A second time it does nothing. Raises RuntimeError on a Python without event loop policies.
    """
    policy = _get_policy()
    if not isinstance(policy, EventLoopPolicy):
        _before[:] = [policy]
        _set_policy(EventLoopPolicy())


def uninstall() -> None:
    """Put back the policy that `install` found; does nothing where another one has taken tulipa's place."""
    if isinstance(_get_policy(), EventLoopPolicy):
        _set_policy(_before.pop() if _before else None)


def _get_policy():
    if _DefaultPolicy is object:
        raise RuntimeError(
            "this Python has no event loop policies; use tulipa.run(main()), "
            "or asyncio.run(main(), loop_factory=tulipa.EventLoop)"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return asyncio.get_event_loop_policy()


def _set_policy(policy):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        asyncio.set_event_loop_policy(policy)
