"""The event loop under its name for all that wait by selectors."""

from tulipa.loop import EventLoop as BaseSelectorEventLoop

__all__ = ("BaseSelectorEventLoop",)
