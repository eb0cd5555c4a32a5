"""Queues."""

from asyncio.queues import QueueEmpty, QueueFull

from tulipa._highlevel.queues import LifoQueue, PriorityQueue, Queue, QueueShutDown

__all__ = ("Queue", "PriorityQueue", "LifoQueue", "QueueFull", "QueueEmpty", "QueueShutDown")
