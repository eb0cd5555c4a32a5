"""A hot module and its .pxd agree where the compiler doesn't check it.

An attribute missing from the .pxd compiles, then fails at run time; one that is declared and never set reads 0 or
None when compiled and fails when interpreted; a field that isn't public is invisible to uncompiled code.
"""

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "tulipa"
PXD_FILES = sorted(path for path in PACKAGE.rglob("*.pxd") if path.with_suffix(".py").exists())
MODULES = sorted(PACKAGE.rglob("*.py"))
MADE_BY_CYTHON = {"__dict__", "__weakref__"}

CLASS = re.compile(r"cdef class (\w+)(?:\(([\w.]+)\))?:")
# A function that returns a number, and says nothing behind its arguments.
SILENT = re.compile(r"cp?def (?:bint|int|double|Py_ssize_t|(?:unsigned |long )+\w*) ?(\w+)\(.*\)$")


@dataclass
class Declared:
    """What a .pxd says of one class."""

    name: str
    base: str | None
    fields: dict = field(default_factory=dict)  # name -> whether uncompiled code sees it
    arrays: set = field(default_factory=set)
    c_methods: set = field(default_factory=set)
    python_methods: set = field(default_factory=set)

    def read(self, statement):
        """Take in one statement of the class's body."""
        words = statement.split("(")[0].split()
        if "(" in statement:
            (self.python_methods if words[0] == "cpdef" else self.c_methods).add(words[-1].lstrip("*"))
            return
        names = [part.split()[-1].lstrip("*") for part in statement.removeprefix("cdef ").split(",")]
        for name in names:
            plain, bracket, _ = name.partition("[")
            self.fields[plain] = words[1] in ("public", "readonly")
            if bracket:
                self.arrays.add(plain)


def statements(text):
    """Logical lines as (indentation, text), without comments, decorators and C code in string literals."""
    text = re.sub(r'""".*?"""', "", text, flags=re.DOTALL)
    text = re.sub(r"#.*", "", text)
    text = re.sub(r"\([^()]*\)", lambda match: match[0].replace("\n", " "), text)
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("@"):
            yield len(line) - len(line.lstrip()), line.strip()


def read_declarations(text):
    """The compiled classes of a .pxd, by name."""
    classes, current, group = {}, None, None
    for indentation, statement in statements(text):
        if indentation == 0:
            match = CLASS.match(statement)
            current = Declared(match[1], match[2] and match[2].rpartition(".")[2]) if match else None
            group = None
            if current:
                classes[current.name] = current
        elif current and statement == "cdef:":
            group = indentation
        elif current and statement != "pass":
            inside = group is not None and indentation > group
            current.read(f"cdef {statement}" if inside else statement)
    return classes


BY_FILE = {path: read_declarations(path.read_text()) for path in PXD_FILES}
ALL = {name: declared for classes in BY_FILE.values() for name, declared in classes.items()}


def lineage(name):
    """The class and its compiled bases."""
    while name in ALL:
        yield ALL[name]
        name = ALL[name].base


def classes_of(path):
    tree = ast.parse(path.read_text(), path)
    return {node.name: node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}


def compiled_bases(path, node):
    """The names of the classes that this one derives from, as their own modules call them."""
    imports = [inner for inner in ast.walk(ast.parse(path.read_text())) if isinstance(inner, ast.ImportFrom)]
    real_names = {alias.asname: alias.name for inner in imports for alias in inner.names if alias.asname}
    bases = [ast.unparse(base).rpartition(".")[2] for base in node.bases]
    return [real_names.get(base, base) for base in bases]


def attributes_of_self(node):
    """Each mention of an attribute of `self` in the class's methods."""
    for method in node.body:
        if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) and method.args.args:
            itself = method.args.args[0].arg
            for inner in ast.walk(method):
                if isinstance(inner, ast.Attribute) and ast.unparse(inner.value) == itself:
                    yield inner


def set_by(node):
    return {attribute.attr for attribute in attributes_of_self(node) if isinstance(attribute.ctx, ast.Store)}


def handed_to_c(node):
    """The attributes whose address the class gives away, for C to write there."""
    calls = [inner for inner in ast.walk(node) if isinstance(inner, ast.Call)]
    given = [call.args[0] for call in calls if ast.unparse(call.func) == "cython.address"]
    return {argument.attr for argument in given if isinstance(argument, ast.Attribute)}


by_file = pytest.mark.parametrize("pxd", PXD_FILES, ids=lambda path: str(path.relative_to(PACKAGE)))


@by_file
def test_what_a_class_sets_is_declared(pxd):
    classes = classes_of(pxd.with_suffix(".py"))
    for name in BY_FILE[pxd]:
        assert name in classes, f"{pxd.name} declares the class {name}, {pxd.stem}.py does not define it"
        declared = {attribute for ancestor in lineage(name) for attribute in ancestor.fields}
        missing = set_by(classes[name]) - declared
        assert not missing, f"{name} sets {', '.join(sorted(missing))}: declare it in {pxd.name} (cdef object ...)"


@by_file
def test_what_a_class_declares_is_set(pxd):
    classes = classes_of(pxd.with_suffix(".py"))
    for name, declared in BY_FILE[pxd].items():
        known = set_by(classes[name]) | handed_to_c(classes[name]) | declared.arrays | MADE_BY_CYTHON
        unset = set(declared.fields) - known
        assert not unset, f"{pxd.name} declares {', '.join(sorted(unset))} in {name}: set it in __init__, or drop it"


@by_file
def test_no_coroutine_function_is_cpdef(pxd):
    classes = classes_of(pxd.with_suffix(".py"))
    for name, declared in BY_FILE[pxd].items():
        methods = [node for node in classes[name].body if isinstance(node, ast.AsyncFunctionDef)]
        wrong = {node.name for node in methods} & (declared.python_methods | declared.c_methods)
        assert not wrong, f"{name}.{', '.join(wrong)} is async: declared in {pxd.name} it becomes a plain function"


@by_file
def test_what_returns_a_number_says_which_one_means_an_exception(pxd):
    """Otherwise the caller asks Python each time whether there is one."""
    silent = [match[1] for _, statement in statements(pxd.read_text()) if (match := SILENT.match(statement))]
    assert not silent, f"{pxd.name}: {', '.join(silent)} needs `except -1`, or noexcept where nothing can be raised"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_uncompiled_subclasses_use_only_what_they_can_see(path):
    compiled = BY_FILE.get(path.with_suffix(".pxd"), {})
    for name, node in classes_of(path).items():
        if name in compiled:
            continue
        ancestors = [ancestor for base in compiled_bases(path, node) for ancestor in lineage(base)]
        hidden = {attribute for a in ancestors for attribute, visible in a.fields.items() if not visible}
        hidden |= {method for a in ancestors for method in a.c_methods}
        used = {attribute.attr for attribute in attributes_of_self(node)} & (hidden - MADE_BY_CYTHON)
        assert not used, (
            f"{path.name}: {name} uses {', '.join(sorted(used))} of its compiled base, which only compiled code "
            "sees: declare a field public or readonly, a method cpdef"
        )


def test_class_names_are_unique():
    """The bases above are looked up by name alone."""
    names = [name for classes in BY_FILE.values() for name in classes]
    assert len(names) == len(set(names)), f"two compiled classes share a name: {sorted(names)}"


def test_declarations_are_read():
    """The rules above would hold for nothing if this module misread declarations."""
    classes = read_declarations(
        '''
cdef extern from *:
    """
    static int c_code(void) { return 1; }
    """
    int c_code()

@cython.final
cdef class Spring(base.Link):
    cdef public unsigned long long wound  # turns
    cdef char *_name, _buffer[64]
    cdef:
        readonly object owner
        int _a, _b
    cdef dict __dict__
    @cython.locals(n=int)
    cdef int _release(self, int n,
                      object why) except -1
    cdef _plain(self)
    cpdef wind(self)

cdef int outside(Spring spring)
'''
    )
    spring = classes.pop("Spring")
    assert not classes
    assert spring.base == "Link"
    assert spring.fields == {
        "wound": True, "_name": False, "_buffer": False, "owner": True, "_a": False, "_b": False, "__dict__": False
    }  # fmt: skip
    assert spring.arrays == {"_buffer"}
    assert spring.c_methods == {"_release", "_plain"}
    assert spring.python_methods == {"wind"}
