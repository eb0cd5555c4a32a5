"""Running a program's main coroutine."""

from tulipa._highlevel.runners import Runner, run

__all__ = ("Runner", "run")
