"""Timeouts."""

from tulipa._core.deadline import Timeout, timeout, timeout_at

__all__ = ("Timeout", "timeout", "timeout_at")
