"""How the modules of the hot rooms are found: compiled, where they are, and otherwise as Python.

The build links all hot modules into one shared object, `_hot`, for opening one costs less than opening forty; each
.pxd stands for a module in there.

In a sub-interpreter tulipa runs interpreted, beside a compiled one in the main interpreter. Compiled modules keep their
state in C variables, one set for the whole process: a second interpreter would find the first one's objects there, and
with a GIL of its own would use them at the same time. Cython can move most of that into each module's state, which
makes every access slower, but not declared globals and enumerations. So the compiled modules belong to the main
interpreter, whichever interpreter comes first, and elsewhere the same files are imported as what they are: Python.

They rely on the GIL too. A free-threaded Python switches it on when it loads them, and says so; where it must not, by
PYTHON_GIL=0, they stay out as well.
"""

import _thread
import importlib
import os
import sys
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
    SourcelessFileLoader,
)

HOT_ROOMS = ("_core", "_drivers", "_transports")
PLAIN = (SourceFileLoader, SOURCE_SUFFIXES), (SourcelessFileLoader, BYTECODE_SUFFIXES)


class Finder(FileFinder):
    """Finds the modules of a hot room: in `shared_object` those that a .pxd declares, the others as Python."""

    def __init__(self, room, shared_object):
        super().__init__(room, *PLAIN)
        self._shared_object = shared_object
        self._compiled = {name.removesuffix(".pxd") for name in os.listdir(room) if name.endswith(".pxd")}

    def find_spec(self, fullname, target=None):
        if fullname.rpartition(".")[2] not in self._compiled:
            return super().find_spec(fullname, target)
        spec = ModuleSpec(fullname, ExtensionFileLoader(fullname, self._shared_object), origin=self._shared_object)
        spec.has_location = True
        return spec


def _is_main():
    """Whether this is the main interpreter; taken for granted where Python was built without the means to ask."""
    if hasattr(_thread, "_is_main_interpreter"):  # since Python 3.12
        return _thread._is_main_interpreter()
    try:
        interpreters = importlib.import_module("_xxsubinterpreters")
        return interpreters.get_current() == interpreters.get_main()
    except (ImportError, AttributeError):
        return True


def _prepare(package_path):
    """Before the first hot module of the package is imported; its path as it stands in ``tulipa.__path__``."""
    candidates = [os.path.join(package_path, f"_hot{suffix}") for suffix in EXTENSION_SUFFIXES]
    shared_object = next(filter(os.path.isfile, candidates), None)
    if shared_object is None or not _is_main() or getattr(sys.flags, "gil", None) == 0:
        return
    rooms = {os.path.join(package_path, room) for room in HOT_ROOMS}

    def finder_of_room(path):
        if path not in rooms:
            raise ImportError(f"not a hot room: {path!r}", path=path)
        return Finder(path, shared_object)

    # Finders alone would not do: programs clear the cache in which they stand, and some rooms are imported later.
    # There is one from before where a program has deleted tulipa's modules, to import them anew.
    others = [hook for hook in sys.path_hooks if getattr(hook, "__module__", None) != __name__]
    sys.path_hooks[:] = [finder_of_room, *others]
    for room in rooms:
        sys.path_importer_cache.pop(room, None)


_prepare(os.path.dirname(__file__))
