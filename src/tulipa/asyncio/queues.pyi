import sys
from asyncio.queues import QueueEmpty as QueueEmpty
from asyncio.queues import QueueFull as QueueFull

if sys.version_info >= (3, 13):
    from asyncio.queues import LifoQueue as LifoQueue
    from asyncio.queues import PriorityQueue as PriorityQueue
    from asyncio.queues import Queue as Queue
    from asyncio.queues import QueueShutDown as QueueShutDown
else:
    from asyncio import queues
    from typing import TypeVar

    from _typeshed import SupportsRichComparisonT

    _T = TypeVar("_T")

    class QueueShutDown(Exception): ...

    class Queue(queues.Queue[_T]):
        def shutdown(self, immediate: bool = False) -> None: ...

    class PriorityQueue(Queue[SupportsRichComparisonT], queues.PriorityQueue[SupportsRichComparisonT]): ...
    class LifoQueue(Queue[_T], queues.LifoQueue[_T]): ...

__all__ = ("Queue", "PriorityQueue", "LifoQueue", "QueueFull", "QueueEmpty", "QueueShutDown")
