"""Task groups."""

from tulipa._highlevel.taskgroups import TaskGroup

__all__ = ("TaskGroup",)
