"""What the tests of the PEPs share."""

import asyncio
import importlib
import importlib.util

import pytest


@pytest.fixture
def aio(loop_factory):
    """The asyncio of the loop: tulipa's own on tulipa's loops, where it has one; else the standard library's."""
    if loop_factory.is_std or importlib.util.find_spec("tulipa.asyncio") is None:
        return asyncio
    return importlib.import_module("tulipa.asyncio")
