"""Compiles the hot modules of tulipa; everything else about the package is in pyproject.toml.

A module of _core, _drivers or _transports is hot if and only if a .pxd of the same name lies beside it. All
hot modules are compiled or none: an interpreted class can't share the C fields of a compiled one. They are linked
into one shared object, tulipa._hot, where tulipa/_hot_rooms.py finds them.

Environment:
    TULIPA_PURE=1              compile nothing
    TULIPA_REQUIRE_COMPILED=1  where compiling fails the build fails; without this, tulipa is built interpreted
    CC, CFLAGS, LDFLAGS        as for any C extension; CFLAGS replaces the optimisation flags below
"""

import multiprocessing
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py
from setuptools.errors import CompileError
from setuptools.modified import newer

SOURCE = Path("src")
HOT_ROOMS = ("_core", "_drivers", "_transports")
DIRECTIVES = {
    "language_level": 3,
    "annotation_typing": False,  # annotations are for people and type checkers; C types stand in the .pxd
    "boundscheck": False,
    "wraparound": False,
    "initializedcheck": False,
    "nonecheck": True,  # an object made by __new__ alone has None in its fields: that is an error, not a crash
    "auto_pickle": False,
    # Methods are C's own kind, which refuses what is no instance; Cython's would take it for one, and crash.
    "binding": False,
    "embedsignature": True,
    "embedsignature.format": "clinic",  # for inspect.signature; docstrings stay as written
}


def flag(name):
    """Tell whether the environment variable is set to anything but 0 or nothing."""
    return os.environ.get(name, "0") not in ("", "0")


def hot_modules():
    """Return the sources of the modules that have a .pxd beside them."""
    declarations = sorted(path for room in HOT_ROOMS for path in (SOURCE / "tulipa" / room).glob("*.pxd"))
    sources = [path.with_suffix(".py") for path in declarations if path.with_suffix(".py").exists()]
    if not sys.platform.startswith("linux"):
        # Leaves: nothing else needs them.
        sources = [path for path in sources if path.stem not in ("epoll", "tls_openssl")]
    return sources


def shared_object():
    """Return the one extension in which all hot modules are."""
    flags = [] if os.name == "nt" or "CFLAGS" in os.environ else ["-O2", "-g0", "-Wno-unused-function"]
    return Extension("tulipa._hot", [path.as_posix() for path in hot_modules()], extra_compile_args=flags)


def announce(message):
    """Write to the build's log, which pip shows only when a build fails, and to the terminal, if there is one."""
    print(message, file=sys.stderr, flush=True)
    with suppress(OSError), open("/dev/tty", "w") as terminal:
        terminal.write(f"\n{message}\n")


class BuildHotModules(build_ext):
    """Compile all hot modules, or fall back to none."""

    def finalize_options(self):
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()

    def build_extensions(self):
        outputs = [Path(self.get_ext_fullpath(extension.name)) for extension in self.extensions]
        try:
            self.try_compiler()
            (hot,) = self.extensions
            with ThreadPoolExecutor(self.parallel) as pool:
                hot.extra_objects = list(pool.map(self.compile, self.translate()))
            hot.sources, hot.depends = [], hot.extra_objects
            super().build_extensions()
        except Exception as error:
            if flag("TULIPA_REQUIRE_COMPILED"):
                raise CompileError(f"TULIPA_REQUIRE_COMPILED is set, and compiling failed: {error}") from None
            self.fall_back(outputs, error)

    def try_compiler(self):
        """Compile two lines that need Python's headers, before Cython spends half a minute for nothing."""
        probe = Path(self.build_temp, "probe.c")
        probe.parent.mkdir(parents=True, exist_ok=True)
        probe.write_text("#include <Python.h>\nint probe = PY_VERSION_HEX;\n")
        self.compiler.compile([str(probe)], output_dir=self.build_temp)

    def translate(self):
        """Turn the modules into C, outside the source tree; what has not changed since the last time is kept."""
        from Cython.Build import cythonize

        build_dir = Path("build", "cython")
        made = [path.stat().st_mtime for path in build_dir.rglob("*.c")]
        names = {path: ".".join(path.relative_to(SOURCE).with_suffix("").parts) for path in hot_modules()}
        translated = cythonize(
            [Extension(name, [path.as_posix()]) for path, name in names.items()],
            build_dir=str(build_dir),
            compiler_directives=DIRECTIVES,
            force=bool(made) and min(made) < Path("setup.py").stat().st_mtime,  # with other directives
            nthreads=os.cpu_count() if multiprocessing.get_start_method() == "fork" else 0,
        )
        return [extension.sources[0] for extension in translated]

    def compile(self, source):
        """Compile one module, unless that is done already; return its object file."""
        (made,) = self.compiler.object_filenames([source], output_dir=self.build_temp)
        if self.force or newer(source, made):
            flags = self.extensions[0].extra_compile_args
            self.compiler.compile([source], output_dir=self.build_temp, extra_postargs=flags)
        return made

    def get_export_symbols(self, extension):
        """Nothing beside what the modules export themselves."""
        return []

    def fall_back(self, outputs, error):
        """Leave a package without any compiled module, and say so."""
        for path in outputs:
            path.unlink(missing_ok=True)
        self.extensions.clear()
        self.distribution.ext_modules = []
        announce(
            "WARNING: tulipa is built interpreted: it behaves the same, but is slower.\n"
            f"  Compiling failed: {type(error).__name__}: {error}\n"
            "  To have it compiled, install a C compiler and Python's headers, set TULIPA_REQUIRE_COMPILED=1 to\n"
            "  see the whole error if there still is one, and reinstall: pip install --no-cache-dir --force-reinstall"
        )


class BuildSources(build_py):
    """Copy the sources, after removing what an earlier build has left behind."""

    def run(self):
        built = Path(self.build_lib, "tulipa")
        hot = {Path(*extension.name.split(".")) for extension in self.distribution.ext_modules or []}
        for path in built.rglob("*.*"):
            module = path.relative_to(self.build_lib)
            module = module.with_name(module.name.partition(".")[0])
            compiled = path.suffix in (".so", ".pyd")
            if compiled and module not in hot or not compiled and path.is_file():
                path.unlink()
        super().run()


class Wheel(bdist_wheel):
    """Build before the wheel is named: without compiled modules it is not tied to this interpreter."""

    def run(self):
        self.run_command("build")
        self.root_is_pure = not self.distribution.has_ext_modules()
        super().run()


if flag("TULIPA_PURE") and flag("TULIPA_REQUIRE_COMPILED"):
    raise SystemExit("TULIPA_PURE=1 and TULIPA_REQUIRE_COMPILED=1 contradict each other: set one of them")

setup(
    ext_modules=[] if flag("TULIPA_PURE") or sys.implementation.name != "cpython" else [shared_object()],
    cmdclass={"build_ext": BuildHotModules, "build_py": BuildSources, "bdist_wheel": Wheel},
)
