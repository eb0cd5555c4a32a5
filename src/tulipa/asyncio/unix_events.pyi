import sys

from tulipa import EventLoop as EventLoop
from tulipa.policy import EventLoopPolicy

if sys.version_info < (3, 14):
    from asyncio.unix_events import AbstractChildWatcher as AbstractChildWatcher
    from asyncio.unix_events import FastChildWatcher as FastChildWatcher
    from asyncio.unix_events import MultiLoopChildWatcher as MultiLoopChildWatcher
    from asyncio.unix_events import PidfdChildWatcher as PidfdChildWatcher
    from asyncio.unix_events import SafeChildWatcher as SafeChildWatcher
    from asyncio.unix_events import ThreadedChildWatcher as ThreadedChildWatcher

__all__ = ("SelectorEventLoop", "_DefaultEventLoopPolicy", "EventLoop")

SelectorEventLoop = EventLoop
DefaultEventLoopPolicy = EventLoopPolicy
_DefaultEventLoopPolicy = EventLoopPolicy
