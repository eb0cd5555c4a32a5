"""Waiting: the driver contract (`base`) and the drivers that keep it."""

import os
import sys
from selectors import BaseSelector

from tulipa._drivers.base import Driver

if sys.platform == "linux":
    from tulipa._drivers.epoll import EpollDriver

NAMES = ("epoll", "selectors", "virtual")


def make_driver(choice=None):
    """The driver for `choice`: a Driver, a selector, a name of NAMES, or None for TULIPA_DRIVER, else the best here.

    Raises ValueError for an unknown name, TypeError for anything else, OSError where it can't be had here.
    """
    if isinstance(choice, Driver):
        return choice
    if choice is None:
        choice = os.environ.get("TULIPA_DRIVER") or ("epoll" if sys.platform == "linux" else "selectors")
    if isinstance(choice, BaseSelector):
        from tulipa._drivers.selectors import SelectorsDriver

        return SelectorsDriver(choice)
    if not isinstance(choice, str):
        raise TypeError(f"driver must be a name ({', '.join(NAMES)}), a Driver, a selector or None, not {choice!r}")
    if choice == "epoll":
        if sys.platform != "linux":
            raise OSError("the epoll driver needs Linux; choose driver='selectors' here")
        return EpollDriver()
    if choice == "selectors":
        from tulipa._drivers.selectors import SelectorsDriver

        return SelectorsDriver()
    if choice == "virtual":
        from tulipa._drivers.virtual import VirtualDriver

        return VirtualDriver()
    raise ValueError(f"unknown driver {choice!r}; the drivers are {', '.join(NAMES)} (driver= or TULIPA_DRIVER)")
