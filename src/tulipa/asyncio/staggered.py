"""Starting coroutines one after the other until one succeeds."""

from tulipa._highlevel.staggered import staggered_race

__all__ = ("staggered_race",)
