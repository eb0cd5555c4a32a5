"""Timeouts."""

from tulipa.asyncio._pending import Timeout, timeout, timeout_at

__all__ = ("Timeout", "timeout", "timeout_at")
