"""Runs a program as ``__main__``, the way python itself does: a script, ``-m module`` or ``-c CODE``.

The program gets a ``__main__`` module of its own, which stays in sys.modules when its code has ended: threads,
functions of `atexit`, pickle and multiprocessing find there what they expect.
"""

import builtins
import importlib.machinery
import io
import linecache
import os
import pkgutil
import runpy
import sys
import types
from typing import NamedTuple


class Program(NamedTuple):
    """What to run: `kind` is "script", "-m" or "-c"; `target` the path, the module's name or the code."""

    kind: str
    target: str
    arguments: list[str]


def run(program: Program) -> None:
    """Run `program` to its end. What it raises comes out, to be shown without the lines of who runs it."""
    try:
        _start(program)
    except SystemExit:
        raise
    except BaseException as error:
        _show_from_first_own_line(error)
        raise


def _start(program):
    """As python does, set sys.argv and sys.path[0], make ``__main__``, and run."""
    kind, target, arguments = program
    sys.argv[:] = [target if kind == "script" else kind, *arguments]
    module = types.ModuleType("__main__")
    module.__dict__.update(
        __loader__=importlib.machinery.BuiltinImporter, __annotations__={}, __builtins__=builtins
    )
    sys.modules["__main__"] = module
    if kind == "-m":
        runpy._run_module_as_main(target)
    elif kind == "-c":
        _run_text(target, "<string>", module)
    elif target == "-":
        _run_text(sys.stdin.read(), "<stdin>", module)
    elif pkgutil.get_importer(target) is not None:
        _replace_first_path(os.path.abspath(target), even_if_safe=True)
        runpy._run_module_as_main("__main__", alter_argv=False)
    else:
        _run_file(target, module)


def _run_text(text, name, module):
    """Run -c's code or standard input."""
    _replace_first_path("")
    if sys.version_info >= (3, 13):
        # From then on tracebacks show the lines.
        linecache.cache[name] = len(text), None, text.splitlines(keepends=True), name
    exec(compile(text, name, "exec", dont_inherit=True), module.__dict__)


def _run_file(path, module):
    """Run a script, compiled or not."""
    _replace_first_path(os.path.dirname(os.path.realpath(path)))
    path = os.path.abspath(path)
    with io.open_code(path) as file:
        code = pkgutil.read_code(file)
        source = None if code else file.seek(0) or file.read()
    kind = importlib.machinery.SourceFileLoader if source is not None else importlib.machinery.SourcelessFileLoader
    module.__dict__.update(__file__=path, __cached__=None, __loader__=kind("__main__", path))
    exec(code or compile(source, path, "exec", dont_inherit=True), module.__dict__)


def _replace_first_path(directory, even_if_safe=False):
    """sys.path[0] is where ``-m tulipa`` was looked for; nothing is there with python's option -P."""
    if not sys.flags.safe_path:
        sys.path[0] = directory
    elif even_if_safe:
        sys.path.insert(0, directory)


def _show_from_first_own_line(error):
    """Have the interpreter show the traceback without our frames and runpy's, if nobody catches `error`."""
    trace = error.__traceback__
    while trace is not None and (trace.tb_frame.f_globals is globals() or trace.tb_frame.f_globals is vars(runpy)):
        trace = trace.tb_next
    show = sys.excepthook

    def show_shortened(kind, value, whole):
        if value is error:
            whole = trace
            value.__traceback__ = trace
        show(kind, value, whole)

    sys.excepthook = show_shortened
