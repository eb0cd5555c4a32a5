"""In a sub-interpreter tulipa runs interpreted, beside a compiled one in the main interpreter.

Compiled modules keep their state in C variables, one set for the whole process: a second interpreter would find the
first one's objects there, and with a GIL of its own would use them at the same time. Cython can move most of that
into each module's state, which makes every access slower, but not declared globals and enumerations. So the compiled
modules belong to the main interpreter, whichever interpreter comes first, and elsewhere the same files are imported
as what they are: Python.
"""

import importlib
import os
import sys
from importlib.machinery import BYTECODE_SUFFIXES, SOURCE_SUFFIXES, FileFinder, SourceFileLoader, SourcelessFileLoader

HOT_ROOMS = ("_core", "_drivers", "_transports")


def _prefer_sources(package_path):
    """Before the first hot module of the package is imported; its path as it stands in ``tulipa.__path__``."""
    kinds = (SourceFileLoader, SOURCE_SUFFIXES), (SourcelessFileLoader, BYTECODE_SUFFIXES)
    for room in HOT_ROOMS:
        directory = os.path.join(package_path, room)
        # Where Python's own finder looks before it makes one, which would prefer compiled modules.
        sys.path_importer_cache[directory] = FileFinder(directory, *kinds)


def _is_main():
    """Whether this is the main interpreter; taken for granted where Python was built without the means to ask."""
    for name in ("_interpreters", "_xxsubinterpreters"):  # the second up to Python 3.12
        try:
            interpreters = importlib.import_module(name)
            return interpreters.get_current() == interpreters.get_main()
        except (ImportError, AttributeError):
            continue
    return True


if not _is_main():
    _prefer_sources(os.path.dirname(__file__))
