"""Locks."""

from tulipa._highlevel.barrier import Barrier
from tulipa._highlevel.locks import BoundedSemaphore, Condition, Event, Lock, Semaphore

__all__ = ("Lock", "Event", "Condition", "Semaphore", "BoundedSemaphore", "Barrier")
