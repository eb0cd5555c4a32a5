"""The command ``python -m tulipa``: runs a program, unchanged, on tulipa's loop."""

import builtins
import importlib.machinery
import io
import os
import pkgutil
import platform
import runpy
import sys
import types
from typing import NamedTuple, NoReturn

import tulipa
from tulipa._drivers import make_driver

USAGE = """\
usage: python -m tulipa [--driver NAME] app.py [args]
       python -m tulipa [--driver NAME] -m module [args]
       python -m tulipa [--driver NAME] -c CODE [args]
"""

HELP = f"""\
{USAGE}
Runs a program that uses asyncio on tulipa's event loop. The program stays as it is: asyncio.run(),
asyncio.Runner() and asyncio.new_event_loop() make tulipa's loops, all else is as with python itself.

  app.py         a script, a directory or zip file with a __main__.py, or - for standard input
  -m module      a module or package, as with python -m
  -c CODE        the program itself
  --driver NAME  what the loops wait by: epoll, selectors or virtual (also: environment variable TULIPA_DRIVER)
  -V, --version  versions of tulipa and Python, compiled or interpreted, driver
  -h, --help     this text
"""


class UsageError(Exception):
    """The command line asks for something that there is not; the message says what."""


class Program(NamedTuple):
    """What to run: `kind` is "script", "-m" or "-c"; `target` the path, the module's name or the code."""

    kind: str
    target: str
    arguments: list[str]


def main(arguments: list[str]) -> None:
    """Do what the command line asks for; as with python itself, a wrong one ends with exit code 2."""
    try:
        program = parse(arguments)
        code = prepare(program)
    except UsageError as error:
        fail(f"{error}\n\n{USAGE}")
    except OSError as error:
        fail(f"can't open file {os.path.abspath(program.target)!r}: {error.strerror or error}\n")
    tulipa.install()
    try:
        run(program, code)
    except BaseException as error:
        show_only_the_programs_lines(error)
        raise


def parse(arguments: list[str]) -> Program:
    """The program that the command line names; --help and --version are answered at once."""
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word in ("-h", "--help"):
            answer(HELP)
        elif word in ("-V", "--version"):
            answer(version())
        elif word == "--driver" or word.startswith("--driver="):
            choose_driver(word.partition("=")[2] if "=" in word else take(rest, word, "the name of a driver"))
        elif word[:2] in ("-m", "-c"):
            needed = "the name of a module" if word[:2] == "-m" else "the code to run"
            return Program(word[:2], word[2:] or take(rest, word, needed), rest)
        elif word.startswith("-") and word != "-":
            raise UsageError(f"unknown option {word}")
        else:
            return Program("script", word, rest)
    raise UsageError("nothing to run: name a script, or -m module, or -c CODE")


def take(rest: list[str], option: str, needed: str) -> str:
    """The value of an option that needs one."""
    if not rest:
        raise UsageError(f"{option} needs {needed}")
    return rest.pop(0)


def choose_driver(name: str) -> None:
    """Make it the default of this process and of those that it starts."""
    try:
        make_driver(name or "--driver=").close()
    except (ValueError, OSError) as error:
        raise UsageError(str(error)) from None
    os.environ["TULIPA_DRIVER"] = name


def version() -> str:
    """The line that ``--version`` prints."""
    try:
        driver = make_driver()
    except (ValueError, OSError) as error:
        raise UsageError(str(error)) from None
    driver.close()
    mode = "compiled" if tulipa.is_compiled() else "interpreted"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"tulipa {tulipa.__version__} ({python}, {mode}, driver {driver.name})\n"


def answer(text: str) -> NoReturn:
    """Print what was asked for; that was all."""
    sys.stdout.write(text)
    sys.exit(0)


def fail(text: str) -> NoReturn:
    """Complain as python does about a command line."""
    sys.stderr.write(f"python -m tulipa: {text}")
    sys.exit(2)


def prepare(program: Program) -> types.CodeType | None:
    """Set sys.argv and sys.path[0] as python does; gives the code of a script or of -c. Raises OSError."""
    sys.argv[:] = [program.kind if program.kind != "script" else program.target, *program.arguments]
    if program.kind == "-m":
        return None
    if program.kind == "-c":
        replace_first_path("")
        return compile(program.target, "<string>", "exec")
    if program.target == "-":
        replace_first_path("")
        return compile(sys.stdin.buffer.read(), "<stdin>", "exec")
    if pkgutil.get_importer(program.target) is not None:
        sys.path[: 0 if sys.flags.safe_path else 1] = [os.path.abspath(program.target)]
        return None
    replace_first_path(os.path.dirname(os.path.realpath(program.target)))
    with io.open_code(os.path.abspath(program.target)) as file:
        return pkgutil.read_code(file) or compile_source(program.target)


def run(program, code):
    ...
