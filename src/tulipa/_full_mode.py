"""Full mode: tulipa's asyncio in the standard one's place, for the whole process.

Two things hold asyncio in a process. The table of modules: its entries become ours, so that imports from now on find
them. And what was imported before: wherever a module, or a class in it, holds one of asyncio's modules, functions or
classes under a name, ours is put there. The standard library's modules themselves stay as they are, for tulipa stands
on them; those that hold only vocabulary are shared by both.
"""

import asyncio as _standard
import sys
import types

from tulipa import asyncio as _ours
from tulipa import (
    policy,
    runners,  # noqa: F401  # while asyncio is the standard library's
)
from tulipa.loop import import_services

_NAME = _standard.__name__
_OUR_NAME = _ours.__name__
_ROOT = __name__.partition(".")[0]
_REPLACED = type, types.FunctionType, types.BuiltinFunctionType, types.ModuleType

# What uninstall puts back: modules by name, the policy, and what was held where: (holder, name, before, ours).
_modules_before: dict = {}
_policy_before: list = []
_held_before: list = []


def install() -> None:
    """Put tulipa's asyncio in the standard library's place, in this process, whatever was imported before.

    `uninstall` undoes it. A second time it looks through what was imported meanwhile. For tulipa's loops alone, with
    the standard library's asyncio above them, use `tulipa.run` or ``loop_factory=tulipa.EventLoop`` instead.
    """
    import_services()
    pairs = _pairs()
    if not _modules_before:
        _choose_policy()
        for standard, ours in pairs:
            _modules_before[standard.__name__] = standard
            sys.modules[standard.__name__] = ours
    instead = _replacements(pairs)
    for holder in _holders():
        names = _names_of(holder)
        if instead.keys().isdisjoint(map(id, list(names.values()))):
            continue
        for name, value in list(names.items()):
            if id(value) in instead and issubclass(type(value), _REPLACED):
                setattr(holder, name, instead[id(value)])
                _held_before.append((holder, name, value, instead[id(value)]))


def uninstall() -> None:
    """Put back what `install` found.

    What was changed since by others stays as they left it, and modules that were imported since keep what they
    imported. Without `install` it does nothing.
    """
    for name, standard in _modules_before.items():
        if sys.modules.get(name) is sys.modules[name.replace(_NAME, _OUR_NAME, 1)]:
            sys.modules[name] = standard
    _modules_before.clear()
    while _held_before:
        holder, name, before, ours = _held_before.pop()
        if _names_of(holder).get(name) is ours:
            setattr(holder, name, before)
    if _policy_before and isinstance(policy.standard_policy(), policy.EventLoopPolicy):
        policy.set_standard_policy(_policy_before[0])
    _policy_before.clear()


def _pairs():
    """The standard library's modules that ours take the place of, each with ours."""
    pairs = []
    for name, ours in list(sys.modules.items()):
        if name == _OUR_NAME or name.startswith(f"{_OUR_NAME}."):
            name = name.replace(_OUR_NAME, _NAME, 1)
            standard = _modules_before.get(name) or sys.modules.get(name)
            if standard is not None and standard is not ours:
                pairs.append((standard, ours))
    return pairs


def _replacements(pairs):
    """Ours, by the identity of what it replaces."""
    instead = {}
    for standard, ours in pairs:
        instead[id(standard)] = ours
        for name, value in vars(standard).items():
            counterpart = vars(ours).get(name)
            if issubclass(type(value), _REPLACED) and counterpart is not None and counterpart is not value:
                instead[id(value)] = counterpart
    return instead


def _holders():
    """Modules outside of asyncio and tulipa, and the classes that were made in them."""
    untouched = {id(module) for module in _modules_before.values()}
    for name, module in list(sys.modules.items()):
        if not issubclass(type(module), types.ModuleType) or id(module) in untouched:
            continue
        if name.partition(".")[0] in (_NAME, f"_{_NAME}", _ROOT):
            continue
        yield module
        for value in list(_names_of(module).values()):
            if type(value) is type and value.__module__ == name and value.__flags__ & _HEAP_TYPE:
                yield value


def _names_of(holder):
    """Its names; a module that is loaded lazily is not loaded by being looked at."""
    return vars(holder) if issubclass(type(holder), type) else object.__getattribute__(holder, "__dict__")


_HEAP_TYPE = 1 << 9  # classes of C's have no names that could be set


def _choose_policy():
    try:
        before = policy.standard_policy()
    except RuntimeError:
        return  # no policies any more: ours asks for none
    if not isinstance(before, policy.EventLoopPolicy):
        _policy_before[:] = [before]
        policy.set_standard_policy(policy.EventLoopPolicy())
