"""tulipa builds and installs everywhere, compiled where it can be, and tells the truth about it."""

import importlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

tulipa = pytest.importorskip("tulipa")

pytestmark = pytest.mark.xdist_group("packaging")  # the sdist and the wheel are built once

ROOT = Path(__file__).resolve().parents[1]
NOT_SOURCE = shutil.ignore_patterns(
    ".git", ".venv*", ".hypothesis", ".*_cache", "__pycache__", "build", "dist", "results", "*.egg-info", "*.so"
)
EXPECTED_MODE = os.environ.get("TULIPA_EXPECT")
HOT_ROOMS = ("_core", "_drivers", "_transports")


def hot_modules(package):
    """The modules below this directory that are compiled where a compiler works, as paths without a suffix."""
    declarations = [path for room in HOT_ROOMS for path in (package / room).glob("*.pxd")]
    hot = [path.with_suffix("") for path in declarations if path.with_suffix(".py").exists()]
    return sorted(path.relative_to(package.parent) for path in hot)


def compiled_modules(package):
    """Those of the hot modules that are compiled here."""
    modules = [importlib.import_module(".".join(path.parts)) for path in hot_modules(package)]
    return [module.__name__ for module in modules if module.__file__.endswith(tuple(EXTENSION_SUFFIXES))]


def test_all_hot_modules_are_compiled_or_none():
    package = Path(tulipa.__file__).parent
    hot = hot_modules(package)
    assert hot, "the installed package has no .pxd: the build loses package data"
    if tulipa.is_compiled():
        assert len(compiled_modules(package)) == len(hot)
    else:
        assert not [path for suffix in EXTENSION_SUFFIXES for path in package.glob(f"_hot{suffix}")]


def test_hot_modules_can_be_told_apart_by_their_last_names():
    """In the shared object that they are linked into, each is known by that."""
    names = [path.name for path in hot_modules(Path(tulipa.__file__).parent)]
    assert len(set(names)) == len(names)


@pytest.mark.skipif(EXPECTED_MODE is None, reason="TULIPA_EXPECT does not say how tulipa was installed here")
def test_tulipa_is_installed_as_this_run_expects():
    assert tulipa.is_compiled() is {"compiled": True, "interpreted": False}[EXPECTED_MODE]


# What follows builds packages, each in an isolated environment; `make test` runs it once.


def run(*command, cwd, terminal=None, **variables):
    """Run a command in a clean environment; with a terminal's name, as a program started in that terminal."""
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("TULIPA_") and name not in ("CC", "CFLAGS", "LDFLAGS", "PYTHONPATH")
    }
    if terminal:
        # The first terminal that the leader of a new session opens becomes the session's own.
        enter = "import os, sys; os.open(sys.argv[1], os.O_RDWR); os.execv(sys.argv[2], sys.argv[2:])"
        command = (sys.executable, "-c", enter, terminal, *command)
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environ | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=bool(terminal),
    )


def build_wheel(sdist, directory, **options):
    """Let pip build a wheel from the sdist, in isolation."""
    pip = (sys.executable, "-m", "pip", "wheel", "--verbose", "--no-cache-dir", "--no-deps")
    return run(*pip, "--wheel-dir", directory, sdist, cwd=directory, **options)


def succeed(outcome):
    assert outcome.returncode == 0, outcome.stdout
    return outcome


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    source = tmp_path_factory.mktemp("source") / "tulipa"
    shutil.copytree(ROOT, source, ignore=NOT_SOURCE)
    directory = tmp_path_factory.mktemp("sdist")
    succeed(run(sys.executable, "-m", "build", "--sdist", "--outdir", directory, source, cwd=directory))
    (path,) = directory.iterdir()
    return path


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory):
    directory = tmp_path_factory.mktemp("wheel")
    # Nothing here depends on how fast the compiled code is, and optimising it takes most of the build's time.
    succeed(build_wheel(sdist, directory, TULIPA_REQUIRE_COMPILED="1", CFLAGS="-O0 -g0"))
    (path,) = directory.iterdir()
    return path


class EmptyEnvironment:
    """A virtual environment with nothing in it, not even pip."""

    def __init__(self, path):
        self.path = path
        succeed(run(sys.executable, "-m", "venv", "--without-pip", path, cwd=path.parent))
        self.python = path / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def install(self, *arguments, **variables):
        pip = (sys.executable, "-m", "pip", "--python", self.python, "install", "--no-cache-dir")
        return succeed(run(*pip, *arguments, cwd=self.path, **variables))

    def look(self):
        """What a program in this environment sees of tulipa, and what is installed beside it."""
        code = (
            "import json, importlib.metadata as m, tulipa; "
            "names = sorted(d.metadata['Name'] for d in m.distributions()); "
            "print(json.dumps([tulipa.is_compiled(), tulipa.__version__, m.version('tulipa'), names]))"
        )
        compiled, version, metadata_version, names = json.loads(
            succeed(run(self.python, "-I", "-c", code, cwd=self.path)).stdout
        )
        assert version == metadata_version == tulipa.__version__
        assert names == ["tulipa"], "tulipa has no run-time dependency"
        return compiled


@pytest.fixture
def environment(tmp_path):
    return EmptyEnvironment(tmp_path / "environment")


@pytest.mark.packaging
@pytest.mark.timeout(300)
def test_the_sdist_holds_the_sources_and_nothing_made_from_them(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    kinds = (".py", ".pxd", ".pyi", ".typed")
    sources = [path for path in (ROOT / "src" / "tulipa").rglob("*") if path.suffix in kinds]
    expected = [*sources, *ROOT.glob("tests/**/*.py"), *map(ROOT.joinpath, ("LICENSE", "Makefile", "setup.py"))]
    assert {path.relative_to(ROOT).as_posix() for path in expected} <= names
    assert not [name for name in names if name.startswith("src/") and name.endswith((".c", ".so", ".pyd", ".pyc"))]


@pytest.mark.packaging
@pytest.mark.timeout(600)
def test_the_wheel_holds_each_hot_module_in_both_forms(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    types = [path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src" / "tulipa").rglob("*.pyi")]
    assert {"tulipa/py.typed", "tulipa/__init__.pyi", "tulipa/asyncio/__init__.pyi", *types} <= names
    assert "none-any" not in wheel.name
    for module in hot_modules(ROOT / "src" / "tulipa"):
        assert {f"{module.as_posix()}{ending}" for ending in (".py", ".pxd")} <= names
    compiled = [name for name in names if name.endswith(tuple(EXTENSION_SUFFIXES))]
    assert compiled == [f"tulipa/_hot{EXTENSION_SUFFIXES[0]}"]
    assert not [name for name in names if name.endswith((".c", ".pyc")) or name.startswith("tests/")]


@pytest.mark.packaging
@pytest.mark.timeout(600)
def test_the_wheel_installs_compiled_into_an_empty_environment(wheel, environment):
    environment.install("--no-index", wheel)
    assert environment.look() is True


@pytest.mark.packaging
@pytest.mark.timeout(300)
def test_the_sdist_installs_interpreted_when_asked_to(sdist, environment):
    environment.install(sdist, TULIPA_PURE="1")
    assert environment.look() is False


@pytest.fixture
def terminal():
    """A terminal's name, and a function that gives what was shown on it so far."""
    if not hasattr(os, "openpty"):
        pytest.skip("no pseudo-terminals here")
    keyboard, screen = os.openpty()
    os.set_blocking(keyboard, False)
    yield os.ttyname(screen), lambda: os.read(keyboard, 65536).decode()
    os.close(keyboard)
    os.close(screen)


@pytest.mark.packaging
@pytest.mark.timeout(300)
def test_without_a_compiler_it_installs_interpreted_and_says_so(sdist, environment, terminal, tmp_path):
    name, shown = terminal
    directory = tmp_path / "wheel"
    directory.mkdir()
    outcome = succeed(build_wheel(sdist, directory, terminal=name, CC=shutil.which("false")))
    assert "WARNING: tulipa is built interpreted" in outcome.stdout
    assert "WARNING: tulipa is built interpreted" in shown()
    (wheel,) = directory.iterdir()
    assert wheel.name.endswith("-py3-none-any.whl")
    environment.install("--no-index", wheel)
    assert environment.look() is False


@pytest.mark.packaging
@pytest.mark.timeout(300)
def test_without_a_compiler_the_build_fails_where_compiling_is_required(sdist, tmp_path):
    outcome = build_wheel(sdist, tmp_path, CC=shutil.which("false"), TULIPA_REQUIRE_COMPILED="1")
    assert outcome.returncode != 0
    assert "TULIPA_REQUIRE_COMPILED is set, and compiling failed" in outcome.stdout
    assert not list(tmp_path.glob("*.whl"))


@pytest.mark.packaging
@pytest.mark.timeout(300)
def test_contradicting_wishes_fail_the_build(sdist, tmp_path):
    outcome = build_wheel(sdist, tmp_path, TULIPA_PURE="1", TULIPA_REQUIRE_COMPILED="1")
    assert outcome.returncode != 0
    assert "contradict each other" in outcome.stdout
