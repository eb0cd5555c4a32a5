"""The loops under test: the standard loop, as the reference, and tulipa's with each of its drivers."""

import asyncio
import os
import sys

try:
    import tulipa
except ModuleNotFoundError as error:
    # Only tulipa itself may be missing; an import that fails inside it is an error like any other.
    if error.name != "tulipa" or os.environ.get("TULIPA_TEST_REQUIRE") == "1":
        raise
    tulipa = None


class LoopCase:
    """A loop factory that knows what it makes: call it for a fresh loop.

    ``expression`` is Python source for the same factory, for tests that need a process; ``api`` is
    the module with the loop's own Future, Task and so on.
    """

    def __init__(self, id, factory, expression, driver=None):
        self.id = id
        self.driver = driver
        self.expression = expression
        self._factory = factory

    @property
    def is_std(self):
        return self.driver is None

    @property
    def api(self):
        return asyncio if self.is_std else tulipa

    def __call__(self):
        return self._factory()

    def __repr__(self):
        return f"<LoopCase {self.id}>"


STD = LoopCase("std", asyncio.SelectorEventLoop, "asyncio.SelectorEventLoop")


def tulipa_case(driver):
    """The case of tulipa's loop with the driver of that name."""
    return LoopCase(
        f"tulipa-{driver}",
        lambda: tulipa.EventLoop(driver),
        f"lambda: __import__('tulipa').EventLoop({driver!r})",
        driver,
    )


def drivers():
    """The names of the drivers that this platform has and that wait for real descriptors."""
    if tulipa is None:
        return []
    return ["epoll", "selectors"] if sys.platform == "linux" else ["selectors"]


def cases(*, std=True, virtual=False):
    """The loops a test is to run on."""
    names = drivers()
    if virtual and tulipa is not None:
        names = [*names, "virtual"]
    return ([STD] if std else []) + [tulipa_case(name) for name in names]


def tls_engines(case):
    """The TLS engines a test is to run on; the standard loop has but one."""
    if case.is_std:
        return ["ssl"]
    from tulipa._transports.tls_engines import engine_names

    return engine_names()
