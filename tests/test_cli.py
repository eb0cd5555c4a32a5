"""The command ``python -m tulipa``: a program sees what it would see under python itself, but for the loop."""

import os
import re
import signal
import subprocess
import sys
import zipfile

import pytest
from helpers.processes import PATIENCE, Child, environment

tulipa = pytest.importorskip("tulipa")

# What a program can tell of how it was started.
LOOK = """
import sys
print(__name__, __package__, __doc__, __spec__ and (__spec__.name, __spec__.origin), type(__builtins__))
print(getattr(__loader__, "__name__", type(__loader__).__name__), globals().get("__file__"))
print(sys.argv, sys.path[0], sys.modules["__main__"].__dict__ is globals())
print(sorted(name for name in globals() if name not in ("sys", "__cached__", "__annotations__")))
"""

LOOPS = """
import asyncio

async def running():
    return asyncio.get_running_loop()

loops = [asyncio.run(running()), asyncio.new_event_loop()]
with asyncio.Runner() as runner:
    loops.append(runner.get_loop())
for loop in loops:
    print(type(loop).__module__, loop.driver_name)
    loop.close()
"""


def run(*command, cwd, input="", **changes):
    """Run ``python command`` in the directory to its end."""
    return subprocess.run(
        [sys.executable, *command], cwd=cwd, input=input, capture_output=True, text=True, timeout=PATIENCE,
        env=environment(**changes),
    )


def both(*arguments, cwd, options=(), input=""):
    """Run a program under python itself and under ``python -m tulipa``."""
    plain = run(*options, *arguments, cwd=cwd, input=input)
    return plain, run(*options, "-m", "tulipa", *arguments, cwd=cwd, input=input)


def ended(child):
    return child.returncode, child.stdout, child.stderr


@pytest.fixture
def place(tmp_path):
    """A directory with the same program as a script, in a package, a directory, a zip file, behind a link."""
    (tmp_path / "look.py").write_text(LOOK)
    for directory, names in {"package": ["__main__", "inner"], "directory": ["__main__"]}.items():
        (tmp_path / directory).mkdir()
        for name in names:
            (tmp_path / directory / f"{name}.py").write_text(LOOK)
    (tmp_path / "package" / "__init__.py").touch()
    with zipfile.ZipFile(tmp_path / "zipped.pyz", "w") as archive:
        archive.writestr("__main__.py", LOOK)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "link.py").symlink_to(tmp_path / "look.py")
    return tmp_path


# -- the program finds what python would give it -------------------------------------------------------------

FILES = {
    "script": ["look.py", "a", "-m", "--version"],
    "script in a package": ["package/inner.py", "-h"],
    "link": ["elsewhere/link.py"],
    "directory": ["directory", "a"],
    "zip file": ["zipped.pyz", "a"],
    "code": ["-c", LOOK, "a", "-m", "b"],
    "code, joined": [f"-c{LOOK}", "-"],
}
MODULES = {
    "module": ["-m", "look", "a", "-c", "b"],
    "module, joined": ["-mlook", "a"],
    "module in a package": ["-m", "package.inner", "--help"],
    "package": ["-m", "package", "--driver", "epoll"],
}


@pytest.mark.parametrize("arguments", [*FILES.values(), *MODULES.values()], ids=[*FILES, *MODULES])
def test_the_program_sees_what_python_gives_it(place, arguments):
    plain, ours = both(*arguments, cwd=place)
    assert plain.returncode == 0, plain.stderr
    assert ended(ours) == ended(plain)


@pytest.mark.parametrize("form", ["script", "directory", "code"])
def test_with_a_safe_path(place, form):
    plain, ours = both(*FILES[form], cwd=place, options=["-P"])
    assert plain.returncode == 0, plain.stderr
    assert ended(ours) == ended(plain)


def test_absolute_path(place):
    plain, ours = both(str(place / "look.py"), cwd=os.curdir)
    assert plain.returncode == 0, plain.stderr
    assert ended(ours) == ended(plain)


def test_program_from_standard_input(place):
    plain, ours = both("-", "a", cwd=place, input="import sys; print(__name__, sys.argv, repr(sys.path[0]))")
    assert ours.stdout == "__main__ ['-', 'a'] ''\n"
    assert ended(ours) == ended(plain)


def test_compiled_script(place):
    run("-c", "import py_compile; py_compile.compile('look.py', 'compiled.pyc')", cwd=place)
    plain, ours = both("compiled.pyc", cwd=place)
    assert plain.returncode == 0, plain.stderr
    assert ended(ours) == ended(plain)


def test_source_in_another_encoding(place):
    (place / "latin.py").write_bytes("# coding: latin-1\nprint(ascii('gr\u00fc\u00df'))\n".encode("latin-1"))
    plain, ours = both("latin.py", cwd=place)
    assert plain.returncode == 0, plain.stderr
    assert ended(ours) == ended(plain)


# -- its loop ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [["loops.py"], ["-m", "loops"], ["-c", LOOPS]], ids=["script", "module", "code"])
def test_every_way_to_a_loop_gives_tulipas(place, arguments):
    (place / "loops.py").write_text(LOOPS)
    child = run("-W", "error", "-m", "tulipa", "--driver", "selectors", *arguments, cwd=place)
    assert ended(child) == (0, "tulipa.loop selectors\n" * 3, "")


@pytest.mark.parametrize("options", [["--driver", "virtual"], ["--driver=virtual"]], ids=" ".join)
def test_driver_option_goes_before_the_environment(place, options):
    child = run("-m", "tulipa", *options, "-c", LOOPS, cwd=place, TULIPA_DRIVER="selectors")
    assert ended(child) == (0, "tulipa.loop virtual\n" * 3, "")


def test_driver_of_the_environment(place):
    child = run("-m", "tulipa", "-c", LOOPS, cwd=place, TULIPA_DRIVER="virtual")
    assert ended(child) == (0, "tulipa.loop virtual\n" * 3, "")


def test_ctrl_c_cancels_the_main_task(place):
    source = """
        import asyncio

        async def main():
            print("ready")
            try:
                await asyncio.Event().wait()
            finally:
                print("cleaned up")

        asyncio.run(main())
    """
    with Child(source, options=["-m", "tulipa"]) as child:
        assert child.line() == "ready"
        child.send_signal(signal.SIGINT)
        assert child.line() == "cleaned up"
        code, _, errors = child.finish()
        assert code == -signal.SIGINT
        assert errors.endswith("\nKeyboardInterrupt\n")


# -- its end -------------------------------------------------------------------------------------------------

ENDS = {
    "by itself": "pass",
    "exit code": "import sys; sys.exit(7)",
    "exit message": "import sys; sys.exit('the reason')",
    "exception": "def fail():\n    1/0\n\nfail()",
    "chained exception": "try:\n    1/0\nexcept ZeroDivisionError as error:\n    raise KeyError('b') from error",
    "exception group": "raise ExceptionGroup('two', [ValueError(1), KeyError(2)])",
    "KeyboardInterrupt": "raise KeyboardInterrupt",
    "syntax error": "print('not reached')\ndef f(:\n    pass",
    "own excepthook": "import sys, traceback\n"
    "sys.excepthook = lambda *all: print('hook', traceback.format_exception(*all))\n1/0",
    "signal": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
}


@pytest.mark.parametrize("source", ENDS.values(), ids=ENDS)
def test_a_script_ends_as_under_python(place, source):
    (place / "program.py").write_text(source)
    plain, ours = both("program.py", cwd=place)
    assert ended(ours) == ended(plain)


@pytest.mark.parametrize("name", ["exit code", "exception", "KeyboardInterrupt", "syntax error", "own excepthook"])
def test_code_ends_as_under_python(place, name):
    plain, ours = both("-c", ENDS[name], cwd=place)
    assert ended(ours) == ended(plain)


@pytest.mark.parametrize("name", ["exit code", "exit message", "exception", "chained exception", "KeyboardInterrupt"])
def test_a_module_ends_as_under_python_and_shows_its_own_lines_only(place, name):
    (place / "program.py").write_text(ENDS[name])
    plain, ours = both("-m", "program", cwd=place)
    without_runpy = re.sub(r'  File "<frozen runpy>".*\n', "", plain.stderr)
    assert ended(ours) == (plain.returncode, plain.stdout, without_runpy)


@pytest.mark.parametrize("arguments", [["-m", "missing"], ["-m", "package.missing"], ["elsewhere"]], ids=" ".join)
def test_what_is_not_there_to_run_is_said_as_by_python(place, arguments):
    plain, ours = both(*arguments, cwd=place)
    assert plain.returncode == 1
    assert ended(ours) == ended(plain)


# -- after its main code -------------------------------------------------------------------------------------


def test_main_stays_the_programs_for_atexit_and_threads(place):
    (place / "program.py").write_text("""
import atexit, pickle, threading

class Thing:
    pass

def look(who):
    print(who, type(pickle.loads(pickle.dumps(Thing()))).__module__)

atexit.register(look, "atexit")
threading.Thread(target=lambda: (threading.main_thread().join(), look("thread"))).start()
""")
    child = run("-m", "tulipa", "program.py", cwd=place)
    assert ended(child) == (0, "thread __main__\natexit __main__\n", "")


@pytest.mark.parametrize("arguments", [["program.py"], ["-m", "program"]], ids=["script", "module"])
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_finds_the_programs_functions(place, arguments, method):
    (place / "program.py").write_text(f"""
import asyncio, concurrent.futures, multiprocessing

def square(number):
    return number * number

async def main():
    context = multiprocessing.get_context({method!r})
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        print(await asyncio.get_running_loop().run_in_executor(pool, square, 7))

if __name__ == "__main__":
    asyncio.run(main())
""")
    # Python 3.12 and later warn of a fork beside threads, under whatever loop.
    child = run("-W", "ignore::DeprecationWarning", "-m", "tulipa", *arguments, cwd=place)
    assert ended(child) == (0, "49\n", "")


# -- the command line itself ---------------------------------------------------------------------------------


def test_version(place):
    mode = "compiled" if tulipa.is_compiled() else "interpreted"
    child = run("-m", "tulipa", "--version", cwd=place, TULIPA_DRIVER="selectors")
    python = re.escape(sys.version.split()[0])
    pattern = rf"tulipa {re.escape(tulipa.__version__)} \(\w+ {python}, {mode}, driver selectors\)\n"
    assert child.returncode == 0, child.stderr
    assert re.fullmatch(pattern, child.stdout)


def test_version_tells_the_driver_chosen(place):
    child = run("-m", "tulipa", "--driver", "virtual", "-V", cwd=place)
    assert child.returncode == 0 and "driver virtual" in child.stdout


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help(place, option):
    child = run("-m", "tulipa", option, cwd=place)
    assert (child.returncode, child.stderr) == (0, "")
    for word in ("app.py", "-m module", "-c CODE", "--driver NAME", "--version"):
        assert word in child.stdout


MISTAKES = {
    "unknown option": (["-x", "look.py"], "unknown option -x"),
    "-m alone": (["-m"], "-m needs the name of a module"),
    "-c alone": (["-c"], "-c needs the code"),
    "--driver alone": (["--driver"], "--driver needs the name"),
    "unknown driver": (["--driver", "steam", "look.py"], "unknown driver 'steam'; the drivers are epoll"),
    "no driver name": (["--driver=", "look.py"], "--driver needs the name"),
    "missing script": (["missing.py"], "missing.py': [Errno 2]"),
    "script below a file": (["look.py/below.py"], "[Errno 20]"),
}


@pytest.mark.parametrize(("arguments", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_end_with_2_and_say_what_is_wrong(place, arguments, message):
    child = run("-m", "tulipa", *arguments, cwd=place)
    assert (child.returncode, child.stdout) == (2, "")
    assert child.stderr.startswith("python -m tulipa: ") and message in child.stderr
    assert "Traceback" not in child.stderr


# -- alone, it is a shell ------------------------------------------------------------------------------------

SESSION = """\
await asyncio.sleep(0, 5)
x = await asyncio.sleep(0.01, 7)
x * 2
type(asyncio.get_running_loop()).__module__, asyncio.__name__
async def fail():
    1 / 0

await fail()
task = asyncio.create_task(asyncio.sleep(3600))
'after'
"""


def test_shell(tmp_path):
    child = run("-m", "tulipa", "--driver", "selectors", cwd=tmp_path, input=SESSION)
    assert child.returncode == 0
    for shown in ("5", "14", "('tulipa.loop', 'tulipa.asyncio')", "'after'"):
        assert f"{shown}\n" in child.stdout
    trace = child.stderr.partition("Traceback")[2]
    assert "ZeroDivisionError" in trace and "in fail" in trace and "_repl.py" not in trace
    assert "import asyncio" in child.stderr.partition("Traceback")[0]


def test_shell_exit_code_and_startup_file(tmp_path):
    (tmp_path / "startup.py").write_text("from asyncio import sleep")
    child = run("-m", "tulipa", cwd=tmp_path, input="await sleep(0, 8)\nexit(3)\n", PYTHONSTARTUP="startup.py")
    assert child.returncode == 3 and "8\n" in child.stdout


def test_shell_interrupted(tmp_path):
    """Ctrl-C ends the statement, not the shell."""
    session = "import os, signal\n_ = asyncio.get_running_loop().call_later(0.1, os.kill, os.getpid(), signal.SIGINT)\n"
    session += "await asyncio.sleep(3600)\n'still here'\n"
    child = run("-m", "tulipa", cwd=tmp_path, input=session)
    assert child.returncode == 0 and "'still here'" in child.stdout and "KeyboardInterrupt" in child.stderr
