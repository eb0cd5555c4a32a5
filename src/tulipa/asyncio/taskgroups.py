"""Task groups."""

from tulipa.asyncio._pending import TaskGroup

__all__ = ("TaskGroup",)
