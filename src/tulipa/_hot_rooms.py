"""How the modules of the hot rooms are found: compiled, where they are, and otherwise as Python.

The build links all hot modules into one shared object, `_hot`, for opening one costs less than opening forty; each
.pxd stands for a module in there.

In a sub-interpreter tulipa runs interpreted, beside a compiled one in the main interpreter. Compiled modules keep their
state in C variables, one set for the whole process: a second interpreter would find the first one's objects there, and
with a GIL of its own would use them at the same time. Cython can move most of that into each module's state, which
makes every access slower, but not declared globals and enumerations. So the compiled modules belong to the main
interpreter, whichever interpreter comes first, and elsewhere the same files are imported as what they are: Python.
"""

import _thread
import importlib
import os
import sys
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    PathFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)

HOT_ROOMS = ("_core", "_drivers", "_transports")
PLAIN = (SourceFileLoader, SOURCE_SUFFIXES), (SourcelessFileLoader, BYTECODE_SUFFIXES)


def _is_main():
    """Whether this is the main interpreter; taken for granted where Python was built without the means to ask."""
    if hasattr(_thread, "_is_main_interpreter"):  # since Python 3.12
        return _thread._is_main_interpreter()
    try:
        interpreters = importlib.import_module("_xxsubinterpreters")
        return interpreters.get_current() == interpreters.get_main()
    except (ImportError, AttributeError):
        return True


def _compiled_in(shared_object):
    """What makes a loader for the module that a .pxd declares, which is in this file."""

    class Loader(ExtensionFileLoader):
        def __init__(self, name, declarations):
            super().__init__(name, shared_object)

    return Loader


class _Finder(FileFinder):
    """Says of a module where it is, not where it is declared."""

    def find_spec(self, name, target=None):
        spec = super().find_spec(name, target)
        if spec is not None and isinstance(spec.loader, ExtensionFileLoader):
            spec.origin = spec.loader.path
        return spec


def _prepare(package_path):
    """Before the first hot module of the package is imported; its path as it stands in ``tulipa.__path__``."""
    kinds = PLAIN
    if _is_main():
        compiled = PathFinder.find_spec(f"{__package__}._hot", [package_path])
        if compiled is None:
            return
        kinds = (_compiled_in(compiled.origin), [".pxd"]), *PLAIN
    rooms = {os.path.join(package_path, room) for room in HOT_ROOMS}
    finder_of = _Finder.path_hook(*kinds)

    def finder_of_room(path):
        if path not in rooms:
            raise ImportError(f"not a hot room: {path!r}", path=path)
        return finder_of(path)

    # Finders alone would not do: programs clear the cache in which they stand, and some rooms are imported later.
    # There is one from before where a program has deleted tulipa's modules, to import them anew.
    others = [hook for hook in sys.path_hooks if getattr(hook, "__module__", None) != __name__]
    sys.path_hooks[:] = [finder_of_room, *others]
    for room in rooms:
        sys.path_importer_cache.pop(room, None)


_prepare(os.path.dirname(__file__))
