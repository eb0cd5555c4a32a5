"""A plugin of pytest that does what a project's conftest.py would do to run its tests on tulipa: -p choose_asyncio."""

import pytest
from support import MODE

if MODE == "loop":
    import tulipa

    @pytest.hookimpl(optionalhook=True)
    def pytest_asyncio_loop_factories(config, item):
        return {"tulipa": tulipa.EventLoop}


def pytest_configure():
    if MODE == "late":
        import tulipa

        tulipa.install()
