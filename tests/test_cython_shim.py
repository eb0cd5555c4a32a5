"""The stand-in for the `cython` module: it accepts what hot modules write and changes nothing."""

import ast
from pathlib import Path

import pytest

shim = pytest.importorskip("tulipa._cython_shim")
PACKAGE = Path(__file__).resolve().parents[1] / "src" / "tulipa"
C_ONLY = {"address", "sizeof"}  # no stand-in could do what they do; they stand in functions that only run compiled
HOT_MODULES = sorted(path.with_suffix(".py") for path in PACKAGE.rglob("*.pxd") if path.with_suffix(".py").exists())


def plain():
    """A function to decorate."""
    return 41


def test_it_stands_for_the_module():
    assert shim.cython is shim
    assert shim.cython.compiled is False


@pytest.mark.parametrize("name", ["cfunc", "ccall", "cclass", "inline", "final", "nogil"])
def test_plain_decorators_return_the_definition_itself(name):
    assert getattr(shim, name)(plain) is plain


@pytest.mark.parametrize(
    ("name", "args", "kwargs"),
    [
        ("locals", (), {"n": shim.int, "x": shim.double}),
        ("returns", (shim.Py_ssize_t,), {}),
        ("exceptval", (-1,), {"check": False}),
        ("freelist", (64,), {}),
        ("binding", (True,), {}),
        ("boundscheck", (False,), {}),
    ],
)
def test_decorators_with_arguments_return_the_definition_itself(name, args, kwargs):
    assert getattr(shim, name)(*args, **kwargs)(plain) is plain


def test_nogil_lets_exceptions_through():
    with pytest.raises(KeyError), shim.nogil:
        raise KeyError("through")


def test_casts_convert_numbers_as_c_does():
    assert shim.cast(shim.int, 3.9) == 3
    assert shim.cast(shim.double, 3) == 3.0 and isinstance(shim.cast(shim.double, 3), float)
    assert shim.cast(shim.bint, 7) is True


def test_other_casts_give_the_value_itself():
    value = object()
    assert shim.cast(dict, value) is value
    assert shim.cast(shim.pointer(shim.char), value) is value
    assert shim.cast("Link", value, typecheck=True) is value
    table = {}
    assert shim.cast(dict, table, typecheck=True) is table and shim.cast(dict, None, typecheck=True) is None
    with pytest.raises(TypeError, match="Cannot convert int to dict"):
        shim.cast(dict, 1, typecheck=True)


def test_declare_gives_the_initial_value():
    assert shim.declare(shim.int, 5) == 5
    assert shim.declare(shim.pointer(shim.void)) is shim.NULL is None


def used_when_interpreted(path):
    """The names of `cython` that the module uses outside `if cython.compiled:`."""
    tree = ast.parse(path.read_text())
    compiled_only = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and ast.unparse(branch.test) == "cython.compiled"
        for statement in branch.body
        for node in ast.walk(statement)
    }
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "cython"
        and id(node) not in compiled_only
    }


@pytest.mark.parametrize("path", HOT_MODULES, ids=lambda path: path.stem)
def test_it_has_all_that_the_hot_modules_use(path):
    missing = {name for name in used_when_interpreted(path) - C_ONLY if not hasattr(shim, name)}
    assert not missing, f"{path.name} uses cython.{', cython.'.join(missing)}: add it to _cython_shim.py"
