"""The event loop under its names for UNIX, and the policy that makes it."""

from tulipa.loop import EventLoop
from tulipa.policy import EventLoopPolicy

SelectorEventLoop = _UnixSelectorEventLoop = EventLoop
DefaultEventLoopPolicy = _DefaultEventLoopPolicy = _UnixDefaultEventLoopPolicy = EventLoopPolicy

__all__ = ("SelectorEventLoop", "_DefaultEventLoopPolicy", "EventLoop")
