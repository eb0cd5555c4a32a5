"""A method called unbound, with an object that is no instance of its class: a TypeError, as in C's asyncio."""

import pytest
from helpers.processes import run_source

import tulipa

pytestmark = pytest.mark.skipif(not tulipa.is_compiled(), reason="interpreted, there are no fields to be misread")

PROGRAM = """
import importlib, inspect, pathlib, types
import tulipa

METHODS = types.MethodDescriptorType, types.WrapperDescriptorType, types.ClassMethodDescriptorType
PROPERTIES = types.GetSetDescriptorType, types.MemberDescriptorType
# What looks into no field: Python's own functions, and those that several classes share.
GENERAL = types.BuiltinFunctionType, type(importlib.import_module("tulipa._core.resuming").send)

def compiled_classes():
    package = pathlib.Path(tulipa.__file__).parent
    for path in sorted(package.rglob("*.pxd")):
        name = ".".join(("tulipa", *path.relative_to(package).with_suffix("").parts))
        for kind in vars(importlib.import_module(name)).values():
            if isinstance(kind, type) and kind.__module__ == name and not kind.__flags__ & 1 << 9:  # not Python's
                yield kind

def arguments(function):
    try:
        parameters = list(inspect.signature(function).parameters.values())[1:]
    except ValueError:
        return (), {}
    asked = [parameter for parameter in parameters if parameter.default is parameter.empty]
    positional = [None for parameter in asked if parameter.kind <= parameter.POSITIONAL_OR_KEYWORD]
    return positional, {parameter.name: None for parameter in asked if parameter.kind is parameter.KEYWORD_ONLY}

def refuses(call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except TypeError:
        return True
    except Exception:
        pass
    return False

classes = methods = 0
for kind in compiled_classes():
    classes += 1
    for name, member in vars(kind).items():
        where = f"{kind.__module__}.{kind.__name__}.{name}"
        print(where, flush=True)  # what is last, where it crashes
        if isinstance(member, METHODS):
            args, kwargs = arguments(member)
            for wrong in (object(), None, kind):
                assert refuses(member, wrong, *args, **kwargs), where
            methods += 1
        elif isinstance(member, PROPERTIES):
            assert refuses(member.__get__, object()), where
        else:
            assert not callable(member) or isinstance(member, GENERAL), f"{where} is {type(member)}"
assert classes > 50 and methods > 300, (classes, methods)
"""


def test_every_method_of_every_compiled_class():
    process = run_source(PROGRAM, options=("-W", "ignore"))
    assert process.returncode == 0, (process.stdout[-200:], process.stderr)


@pytest.mark.parametrize("call", [
    "tulipa.EventLoop.create_task(object(), print)",
    "tulipa.EventLoop.call_soon(None, print)",
    "tulipa.Future.set_result(object(), 1)",
    "tulipa.Task.cancel(tulipa.Future)",
    "asyncio.Lock.release(object())",
    "asyncio.Queue.put_nowait(object(), 1)",
    "asyncio.Timeout.reschedule(object(), 1)",
])
def test_public_classes(call):
    process = run_source(f"import tulipa\nfrom tulipa import asyncio\n{call}")
    assert process.returncode == 1
    assert "TypeError: descriptor" in process.stderr.splitlines()[-1]
