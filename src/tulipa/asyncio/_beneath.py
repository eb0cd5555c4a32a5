"""What libraries reach for beneath the public names.

Where tulipa has nothing of its own for a name of one of asyncio's modules, the standard library's object is there.
"""

import asyncio as _standard
import functools
import importlib
import types
import warnings

_OURS = "tulipa.asyncio"
_NAME = _standard.__name__

# Names of public policies that Python 3.14 deprecates: asked for only when somebody asks us.
_POLICIES = {"DefaultEventLoopPolicy": "tulipa.policy:EventLoopPolicy"}

NAMES_ARE_ASKED_FOR = hasattr(_standard, "__getattr__")  # since Python 3.14


def standard_path():
    """Where the standard library's package is."""
    return list(_standard.__path__)


def modules_in(package):
    """The modules among the names of our package that are ours, not the standard library's."""
    modules = [value for value in package.values() if isinstance(value, types.ModuleType)]
    return [module for module in modules if module.__name__.startswith(_OURS) and module.__name__ != __name__]


def gather_names(package, without):
    """Put what the package's modules offer by `__all__` among its own names; gives them for its `__all__`."""
    offered = {}
    for module in [value for value in package.values() if isinstance(value, types.ModuleType)]:
        if module not in without:
            offered |= {name: vars(module)[name] for name in getattr(module, "__all__", ())}
    package |= offered
    return tuple(offered)


def complete(*modules):
    """Add to modules of ours what the standard library's of the same names have beyond them."""
    pairs = []
    for module in modules:
        try:
            pairs.append((importlib.import_module(module.__name__.replace(_OURS, _NAME, 1)), module))
        except ImportError:
            continue  # newer than the running version, or of another platform
    instead = {id(standard): module for standard, module in pairs}
    for standard, module in pairs:
        instead |= {id(vars(standard)[name]): vars(module)[name] for name in module.__all__ if name in vars(standard)}
    for standard, module in pairs:
        for name, value in vars(standard).items():
            if isinstance(value, type | types.FunctionType | types.BuiltinFunctionType | types.ModuleType):
                vars(module).setdefault(name, instead.get(id(value), value))
        # All else, state included, is looked up when it is asked for.
        vars(module).setdefault("__getattr__", functools.partial(getattr, standard))


def add_older_names(package):
    """Put into ours the names of the running version's asyncio package that are not among the newest's."""
    for name, value in vars(_standard).items():
        if not name.startswith("__"):
            package.setdefault(name, _ours_for(name, value))


def older_name(name):
    """A name of the running version's asyncio package that is not among the newest's. AttributeError otherwise."""
    if name.startswith("__"):
        raise AttributeError(f"module {_OURS!r} has no attribute {name!r}")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            value = getattr(_standard, name)
        except AttributeError:
            raise AttributeError(f"module {_OURS!r} has no attribute {name!r}") from None
    for warning in caught:
        warnings.warn(warning.message, warning.category, stacklevel=3)
    return _ours_for(name, value)


def _ours_for(name, value):
    if name in _POLICIES:
        module, _, ours = _POLICIES[name].partition(":")
        return getattr(importlib.import_module(module), ours)
    return value
