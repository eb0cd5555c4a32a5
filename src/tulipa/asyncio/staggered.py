"""Starting coroutines one after the other until one succeeds."""

from tulipa.asyncio._pending import staggered_race

__all__ = ("staggered_race",)
