"""What `import tulipa` brings, and what comes when somebody asks for it."""

import asyncio
import inspect
import shutil
import zipfile
from pathlib import Path

import pytest
from helpers.processes import run_source

tulipa = pytest.importorskip("tulipa")
pytestmark = pytest.mark.tulipa_only

LOADED = """
import sys, tulipa
async def main(): pass
tulipa.run(main())
print(*[name.removeprefix("tulipa.") for name in sys.modules if name.startswith("tulipa.")])
"""


def output_of(source):
    child = run_source(source)
    assert (child.returncode, child.stderr) == (0, "")
    return child.stdout


def test_a_program_without_connections_has_no_transports():
    loaded = output_of(LOADED).split()
    assert "_core.tasks" in loaded
    assert not [name for name in loaded if name.startswith("_transports.")]


def test_the_package_alone_brings_no_loop():
    source = """
import sys, tulipa
assert "tulipa.loop" not in sys.modules and "tulipa.policy" not in sys.modules
tulipa.new_event_loop().close()
assert "tulipa.loop" in sys.modules and "tulipa.policy" not in sys.modules
"""
    output_of(source)


def test_every_name_comes_when_asked_for():
    source = """
import tulipa
names = {*tulipa.__all__, "loop", "policy", "runners"}
assert names <= {*dir(tulipa)}
for name in names:
    assert getattr(tulipa, name) is vars(tulipa)[name], name
"""
    output_of(source)
    output_of("from tulipa import *; run(sleep(0)); new_event_loop().close()")


def test_out_of_a_zip_file_it_runs_interpreted(tmp_path):
    package = Path(tulipa.__file__).parent
    with zipfile.ZipFile(tmp_path / "library.zip", "w") as archive:
        for path in [path for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc"]:
            archive.write(path, path.relative_to(package.parent))
    source = f"""
import sys
sys.path.insert(0, {str(tmp_path / "library.zip")!r})
import asyncio, tulipa
assert "library.zip" in tulipa.__file__
print(tulipa.run(asyncio.sleep(0, 5)), tulipa.is_compiled())
"""
    assert output_of(source) == "5 False\n"


def test_without_its_declarations_it_runs_interpreted(tmp_path):
    shutil.copytree(Path(tulipa.__file__).parent, tmp_path / "tulipa", ignore=shutil.ignore_patterns("*.pxd"))
    source = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
import asyncio, tulipa
print(tulipa.run(asyncio.sleep(0, 5)), tulipa.is_compiled())
"""
    assert output_of(source) == "5 False\n"


def test_where_the_gil_must_stay_off_it_runs_interpreted():
    source = """
import sys, types
sys.flags = types.SimpleNamespace(**{name: getattr(sys.flags, name) for name in dir(sys.flags) if name[0] != "_"})
sys.flags.gil = 0  # PYTHON_GIL=0 on a free-threaded Python
import asyncio, tulipa
print(tulipa.run(asyncio.sleep(0, 5)), tulipa.is_compiled())
"""
    assert output_of(source) == "5 False\n"


def test_what_a_test_has_put_in_place_of_a_name_does_not_stay():
    source = """
import tulipa.loop
from unittest import mock

with mock.patch("tulipa.loop.EventLoop"), mock.patch("tulipa.loop.new_event_loop", lambda: None):
    tulipa.EventLoop, tulipa.new_event_loop
assert tulipa.EventLoop is tulipa.loop.EventLoop
assert tulipa.new_event_loop is tulipa.loop.new_event_loop
for name in tulipa._HOMES:
    getattr(tulipa, name)
assert tulipa._HOMES.keys() <= vars(tulipa).keys(), "all else is kept"
"""
    output_of(source)


def test_a_future_made_without_a_loop_asks_the_policy():
    source = """
import sys, warnings, tulipa
warnings.simplefilter("ignore", DeprecationWarning)
try:
    loop = tulipa.Future().get_loop()
except RuntimeError:
    assert sys.version_info >= (3, 14)
else:
    assert type(loop) is tulipa.EventLoop
    loop.close()
"""
    output_of(source)


def test_a_method_that_comes_later_is_the_function_itself():
    function = tulipa.EventLoop.create_server
    assert inspect.iscoroutinefunction(function) and function.__name__ == "create_server"
    assert vars(tulipa.EventLoop)["create_server"] is function
    loop = tulipa.EventLoop()
    assert loop.create_server.__func__ is function
    loop.close()


def test_a_method_that_was_replaced_stays_so():
    source = """
import tulipa
from tulipa.loop import EventLoop
later = vars(EventLoop)["create_server"]
EventLoop.create_server = replaced = lambda loop: 7
later.__get__(None, EventLoop)
assert EventLoop.create_server is replaced
"""
    output_of(source)


def test_a_method_that_has_not_come_yet_is_copied_and_pickled_as_the_function():
    source = """
import copy, pickle, tulipa
later = vars(tulipa.EventLoop)["getaddrinfo"]
copies = [copy.copy(later), copy.deepcopy(later), pickle.loads(pickle.dumps(later))]
assert copies == [tulipa.EventLoop.getaddrinfo] * 3, copies
"""
    output_of(source)


def test_the_server_class_comes_when_asked_for():
    assert output_of("import tulipa; print(tulipa.Server.__module__, 'Server' in vars(tulipa))") == (
        "tulipa._ops.serve True\n"
    )
    assert not hasattr(tulipa, "no_such_name")


def test_in_full_mode_no_service_is_imported_upon_our_asyncio():
    source = """
import sys, tulipa
tulipa.install()
assert tulipa.run.__module__ == "tulipa.runners"
from tulipa.loop import EventLoop, _Later
assert not [name for name, value in vars(EventLoop).items() if isinstance(value, _Later)]
for name, module in list(sys.modules.items()):
    if name.startswith(("tulipa._ops.", "tulipa._transports.", "tulipa.runners")):
        assert not hasattr(module, "asyncio") or module.asyncio.__name__ == "asyncio", name
"""
    output_of(source)


def test_every_method_can_be_had_of_the_class():
    public = {name for name in vars(asyncio.AbstractEventLoop) if not name.startswith("_")}
    assert all(callable(getattr(tulipa.EventLoop, name)) for name in public)


def test_what_comes_later_is_found_where_the_caches_of_imports_were_cleared():
    """Interpreted, the rooms that come later could not work with the compiled ones."""
    source = """
import asyncio, sys, tulipa
sys.path_importer_cache.clear()

async def main():
    server = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0)
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.close()
    server.close()

tulipa.run(main())
suffixes = {sys.modules[f"tulipa.{name}"].__file__[-3:] for name in ("_core.tasks", "_transports.stream")}
assert len(suffixes) == 1, suffixes
"""
    output_of(source)


def test_a_method_that_comes_later_can_be_mocked_like_any_other():
    source = """
import inspect
from unittest import mock

from tulipa.loop import EventLoop

method = vars(EventLoop)["start_tls"]
assert inspect.iscoroutinefunction(method) and "sslcontext" in inspect.signature(method).parameters
with mock.patch.object(EventLoop, "create_server") as mocked:
    assert isinstance(mocked, mock.AsyncMock)
    assert EventLoop.create_server is mocked
with mock.patch.object(EventLoop, "create_connection", autospec=True) as mocked:
    assert inspect.isfunction(mocked)
    assert list(inspect.signature(mocked).parameters)[:2] == ["loop", "protocol_factory"]
assert EventLoop.create_server.__name__ == "create_server"
assert inspect.isfunction(vars(EventLoop)["create_server"])
"""
    output_of(source)


def test_a_service_comes_as_a_whole():
    """Objects that die with the interpreter, when nothing can be imported any more, call remove_reader()."""
    source = """
import builtins
import socket
import sys

import tulipa

loop = tulipa.EventLoop()
ours, theirs = socket.socketpair()
loop.add_reader(ours, print)

class Last:
    def __del__(self):
        print(sys.meta_path, loop.remove_reader(ours))
        loop.close()
        ours.close()
        theirs.close()

builtins.last = Last()
"""
    assert output_of(source) == "None True\n"


LEFT_OPEN = """
import asyncio
import tulipa

loop = tulipa.new_event_loop()
asyncio.set_event_loop(loop)  # the policy keeps it until the very end

async def main():
    loop.server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
    address = loop.server.sockets[0].getsockname()
    loop.connection = await loop.create_connection(asyncio.Protocol, *address)
    loop.child = await loop.subprocess_exec(asyncio.SubprocessProtocol, "true")
    loop.task = loop.create_task(asyncio.Event().wait())
    await asyncio.sleep(0)

loop.run_until_complete(main())
"""


def test_what_dies_with_the_interpreter_does_so_without_noise():
    """Modules have lost their names by then: there is nobody to be told."""
    assert output_of(LEFT_OPEN) == ""


def test_a_module_that_is_reloaded_says_where_it_comes_from():
    source = """
import importlib, tulipa._core.pause as module
before = module.__file__, module.__spec__.origin
importlib.reload(module)
assert (module.__file__, module.__spec__.origin) == before, module.__spec__
"""
    output_of(source)


def test_importing_all_of_it_anew_leaves_nothing_behind():
    source = """
import sys, tulipa
hooks = len(sys.path_hooks)
for name in [name for name in sys.modules if name.partition(".")[0] == "tulipa"]:
    del sys.modules[name]
import tulipa
assert len(sys.path_hooks) == hooks, sys.path_hooks
"""
    output_of(source)
