"""Timeouts."""

from tulipa._highlevel.timeouts import Timeout, timeout, timeout_at

__all__ = ("Timeout", "timeout", "timeout_at")
