"""Each room imports only what docs/design.md lets it know of, and no file or function outgrows a reader."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src"
PACKAGE = SOURCE / "tulipa"
MODULES = sorted(PACKAGE.rglob("*.py"))
DECLARATIONS = sorted(PACKAGE.rglob("*.pxd"))
OTHERS = sorted(path for folder in ("bench", "conformance", "demo", "examples", "soak", "tests", "tools")
                for path in (ROOT / folder).rglob("*.py"))

# What a room may import of tulipa, besides itself: a package stands for all that is in it.
SHIM = "tulipa._cython_shim"
ALLOWED = {
    "_core": [SHIM, "tulipa._drivers.base"],
    "_drivers": [SHIM, "tulipa._core.ready"],
    "_transports": [SHIM, "tulipa._core", "tulipa._drivers"],
    "_ops": [SHIM, "tulipa._core", "tulipa._drivers", "tulipa._transports"],
    # Futures and tasks; the loop only as everybody knows it.
    "_highlevel": [
        "tulipa._core.countdown", "tulipa._core.deadline", "tulipa._core.describe", "tulipa._core.futures",
        "tulipa._core.guards", "tulipa._core.inflow", "tulipa._core.native", "tulipa._core.pause",
        "tulipa._core.places", "tulipa._core.store", "tulipa._core.tasks",
        "tulipa._transports.outflow", "tulipa.policy",
    ],
    # Re-exports of all.
    "asyncio": ["tulipa"],
}
# The scheduler knows no descriptor and makes no system call.
FORBIDDEN_IN_CORE = {"fcntl", "mmap", "os", "posix", "select", "selectors", "signal", "socket", "ssl", "subprocess"}
# The loop puts the rooms together; only the ways into the package know of it.
MAY_IMPORT_LOOP = {"__init__.py", "__main__.py", "_full_mode.py", "policy.py", "runners.py"}

LONGEST_FILE = 600
LONGEST_FUNCTION = 60

CIMPORT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+cimport\s+(.+)|cimport\s+([\w.]+))", re.MULTILINE)


def name_of(path):
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


def room_of(path):
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else None


def absolute(node, path):
    """The module that a `from ... import` names, its leading dots resolved."""
    if not node.level:
        return node.module
    package = name_of(path).split(".") if path.name == "__init__.py" else name_of(path).split(".")[:-1]
    return ".".join([*package[: len(package) - node.level + 1], *filter(None, [node.module])])


def imports_of(path):
    """Every module that the file imports, wherever in it, with the line."""
    if path.suffix == ".pxd":
        text = path.read_text()
        for match in CIMPORT.finditer(text):
            yield match[1] or match[3], text.count("\n", 0, match.start()) + 1
        return
    for node in ast.walk(ast.parse(path.read_text(), path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            module = absolute(node, path)
            for alias in node.names:
                inner = f"{module}.{alias.name}"
                yield inner if exists(inner) else module, node.lineno


def exists(module):
    path = SOURCE / Path(*module.split("."))
    return path.with_suffix(".py").exists() or path.is_dir()


def within(module, packages):
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def describe(path, line, module, rule):
    return f"{path.relative_to(SOURCE.parent)}:{line} imports {module}: {rule}"


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_imports_only_what_it_may_know(room):
    allowed = [f"tulipa.{room}", *ALLOWED[room]]
    files = [path for path in MODULES + DECLARATIONS if room_of(path) == room]
    assert files, f"the room {room} is gone; keep ALLOWED in step with the tree"
    complaints = [
        describe(path, line, module, f"{room} may import only {', '.join(allowed)} of tulipa; move the code up a room")
        for path in files
        for module, line in imports_of(path)
        if within(module, ["tulipa"]) and not within(module, allowed)
    ]
    assert not complaints, "\n".join(complaints)


def test_the_scheduler_makes_no_system_calls():
    complaints = [
        describe(path, line, module, "the scheduler never touches the system; that is the drivers' part")
        for path in MODULES + DECLARATIONS
        if room_of(path) == "_core"
        for module, line in imports_of(path)
        if module.partition(".")[0] in FORBIDDEN_IN_CORE
    ]
    assert not complaints, "\n".join(complaints)


def test_only_the_ways_in_import_the_loop():
    complaints = [
        describe(path, line, module, "the loop puts the rooms together, so that no room may need it")
        for path in MODULES
        if not (room_of(path) == "asyncio" or (room_of(path) is None and path.name in MAY_IMPORT_LOOP))
        for module, line in imports_of(path)
        if within(module, ["tulipa.loop"])
    ]
    assert not complaints, "\n".join(complaints)


def test_every_room_has_a_rule():
    rooms = {room_of(path) for path in MODULES} - {None}
    assert rooms == set(ALLOWED), "a room without a rule, or a rule without a room: keep ALLOWED in step"


@pytest.mark.parametrize("path", MODULES + DECLARATIONS + OTHERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_short(path):
    text = path.read_text()
    length = text.count("\n")
    assert length <= LONGEST_FILE, f"{path.name} has {length} lines: split it by what it does"
    if path.suffix == ".py":
        functions = [
            node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        long = [
            f"{path.name}:{node.lineno} {node.name} has {node.end_lineno - node.lineno + 1} lines"
            for node in functions
            if node.end_lineno - node.lineno >= LONGEST_FUNCTION
        ]
        assert not long, "; ".join([*long, "split it into named steps"])


def test_imports_are_seen(tmp_path):
    """The rules above would hold for nothing if this module overlooked imports."""
    path = PACKAGE / "_core" / "sample.py"
    tree = "import os.path\nfrom ..loop import x\nfrom . import ready\ndef f():\n    from tulipa import loop\n"
    nodes = [node for node in ast.walk(ast.parse(tree)) if isinstance(node, ast.ImportFrom)]
    assert {absolute(node, path) for node in nodes} == {"tulipa.loop", "tulipa._core", "tulipa"}
    declarations = tmp_path / "sample.pxd"
    declarations.write_text("cimport cython\nfrom tulipa._core.ready cimport Link\ncdef class A:\n    pass\n")
    assert list(imports_of(declarations)) == [("cython", 1), ("tulipa._core.ready", 2)]
