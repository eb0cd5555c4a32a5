from asyncio.locks import Barrier as Barrier
from asyncio.locks import BoundedSemaphore as BoundedSemaphore
from asyncio.locks import Condition as Condition
from asyncio.locks import Event as Event
from asyncio.locks import Lock as Lock
from asyncio.locks import Semaphore as Semaphore

__all__ = ("Lock", "Event", "Condition", "Semaphore", "BoundedSemaphore", "Barrier")
