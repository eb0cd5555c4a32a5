"""Threads."""

from tulipa._highlevel.threads import to_thread

__all__ = ("to_thread",)
