"""The command ``python -m tulipa``: runs a program, unchanged, on tulipa's asyncio; alone, a shell with `await`."""

import os
import platform
import sys
from typing import NoReturn

import tulipa
from tulipa import _children, _program, _repl
from tulipa._drivers import make_driver

USAGE = """\
usage: python -m tulipa [--driver NAME] app.py [args]
       python -m tulipa [--driver NAME] -m module [args]
       python -m tulipa [--driver NAME] -c CODE [args]
       python -m tulipa [--driver NAME]
"""

HELP = f"""\
{USAGE}
Runs a program that uses asyncio on tulipa's. The program and the libraries that it uses stay as they are: "import
asyncio" gives them tulipa's asyncio, in processes of multiprocessing too; all else is as with python itself.
Without a program: an interactive shell where "await" can be used directly.

  app.py         a script, a directory or zip file with a __main__.py, or - for standard input
  -m module      a module or package, as with python -m
  -c CODE        the program itself
  --driver NAME  what the loops wait by: epoll, selectors or virtual (or environment variable TULIPA_DRIVER)
  -V, --version  versions of tulipa and Python, compiled or interpreted, driver
  -h, --help     this text
"""


class UsageError(Exception):
    """The command line asks for something that there is not; the message says what."""


def main(arguments: list[str]) -> None:
    """Do what the command line asks for. A wrong one ends with exit code 2, as python's own."""
    try:
        program = parse(arguments)
        if program is not None:
            check_readable(program)
        driver_name()  # a wrong TULIPA_DRIVER is an error of the command line too
    except UsageError as error:
        sys.stderr.write(f"python -m tulipa: {str(error).rstrip()}\n")
        sys.exit(2)
    _children.install()
    if program is None:
        _repl.run()
    else:
        _program.run(program)


def parse(arguments: list[str]) -> _program.Program | None:
    """The program that the command line names, None for a shell; --help and --version are answered at once."""
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word in ("-h", "--help"):
            answer(HELP)
        elif word in ("-V", "--version"):
            answer(version())
        elif word == "--driver":
            choose_driver(value_of(word, rest, "the name of a driver"))
        elif word.startswith("--driver="):
            choose_driver(word.removeprefix("--driver="))
        elif word.startswith("-m"):
            return _program.Program("-m", word[2:] or value_of("-m", rest, "the name of a module"), rest)
        elif word.startswith("-c"):
            return _program.Program("-c", word[2:] or value_of("-c", rest, "the code to run"), rest)
        elif word.startswith("-") and word != "-":
            raise UsageError(f"unknown option {word}\n\n{USAGE}")
        else:
            return _program.Program("script", word, rest)
    return None


def value_of(option: str, rest: list[str], what: str) -> str:
    """Take the value of an option that needs one."""
    if not rest:
        raise UsageError(f"{option} needs {what}\n\n{USAGE}")
    return rest.pop(0)


def choose_driver(name: str) -> None:
    """Make it the default of this process and of those that it starts."""
    if not name:
        raise UsageError(f"--driver needs the name of a driver\n\n{USAGE}")
    os.environ["TULIPA_DRIVER"] = name
    driver_name()


def driver_name() -> str:
    """The driver that loops get by default."""
    try:
        driver = make_driver()
    except (ValueError, OSError) as error:
        raise UsageError(str(error)) from None
    driver.close()
    return driver.name


def check_readable(program: _program.Program) -> None:
    """A script that can't be opened is an error of the command line, not of the program."""
    if program.kind != "script" or program.target == "-" or os.path.isdir(program.target):
        return
    try:
        open(program.target, "rb").close()
    except OSError as error:
        raise UsageError(f"can't open file {os.path.abspath(program.target)!r}: {error}") from None


def version() -> str:
    """The line that ``--version`` prints."""
    mode = "compiled" if tulipa.is_compiled() else "interpreted"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"tulipa {tulipa.__version__} ({python}, {mode}, driver {driver_name()})\n"


def answer(text: str) -> NoReturn:
    """Print what was asked for; that was all."""
    sys.stdout.write(text)
    sys.exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
