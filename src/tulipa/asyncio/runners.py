"""Running a program's main coroutine."""

from tulipa.runners import Runner, run

__all__ = ("Runner", "run")
