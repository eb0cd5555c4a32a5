import sys

if sys.version_info >= (3, 14):
    from asyncio.runners import Runner as Runner
    from asyncio.runners import run as run
else:
    from tulipa.runners import Runner as Runner
    from tulipa.runners import run as run

__all__ = ("Runner", "run")
