"""Threads."""

from tulipa.asyncio._pending import to_thread

__all__ = ("to_thread",)
