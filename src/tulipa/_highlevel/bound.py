"""What locks share beside their compiled part: ``async with`` over a subclass's methods, and their ``repr``."""


class Entered:
    """The coroutine of a Guard's ``async with``, where `acquire` is a subclass's."""

    async def _enter(self):
        await self.acquire()


def keeps_methods(kind, base):
    """Whether a class has the methods of `base` that ``async with`` and a Condition stand upon."""
    return kind is base or (
        kind.acquire is base.acquire and kind.release is base.release and kind.locked is base.locked
    )


def with_state(thing, state, waiters):
    """The ``repr`` of a lock: its class, address and state, and how many wait for it."""
    if waiters:
        state = f"{state}, waiters:{len(waiters)}"
    return f"<{object.__repr__(thing)[1:-1]} [{state}]>"
