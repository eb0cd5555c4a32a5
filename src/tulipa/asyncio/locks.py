"""Locks."""

from tulipa.asyncio._pending import Barrier, BoundedSemaphore, Condition, Event, Lock, Semaphore

__all__ = ("Lock", "Event", "Condition", "Semaphore", "BoundedSemaphore", "Barrier")
