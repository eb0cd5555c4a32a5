from tulipa import EventLoop

__all__ = ("BaseSelectorEventLoop",)

BaseSelectorEventLoop = EventLoop
