"""In sub-interpreters, also in those with a GIL of their own, tulipa runs interpreted beside the main one's."""

import functools
import importlib.util
import sys
from pathlib import Path

import pytest
from helpers.cases import drivers
from helpers.processes import run_source

tulipa = pytest.importorskip("tulipa")
pytestmark = pytest.mark.skipif(
    not (importlib.util.find_spec("_interpreters") or importlib.util.find_spec("_xxsubinterpreters")),
    reason="this Python cannot make sub-interpreters",
)

# With "isolated" a GIL of its own since Python 3.12; "legacy" is what embedders like mod_wsgi make.
KINDS = ["isolated", "legacy"]
ASYNCIO = "import asyncio; asyncio.run(asyncio.sleep(0))"

PRELUDE = """
import os, sys, textwrap, threading, traceback

try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

def create(kind):
    try:
        return interpreters.create(kind)
    except TypeError:
        return interpreters.create(isolated=kind == "isolated")

def run_in(interpreter, source):
    try:
        failure = interpreters.run_string(interpreter, textwrap.dedent(source))
    except Exception as error:
        failure = error
    if failure is not None:
        print(getattr(failure, "errdisplay", failure), file=sys.stderr)
        sys.exit(1)

def run(kind, *sources):
    interpreter = create(kind)
    try:
        for source in sources:
            run_in(interpreter, source)
    finally:
        interpreters.destroy(interpreter)
"""

USE = """
import asyncio, threading, tulipa

def threads_are_allowed():
    try:
        threading.Thread(target=int).start()
    except RuntimeError:  # Python 3.11, in isolated ones
        return False
    return True

async def echo(reader, writer):
    while data := await reader.read(1000):
        writer.write(data)
        await writer.drain()
    writer.close()
    await writer.wait_closed()

async def main():
    loop = asyncio.get_running_loop()
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"hello" * 1000)
    assert await reader.readexactly(5000) == b"hello" * 1000
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()
    if threads_are_allowed():
        assert await asyncio.to_thread(sum, (1, 2)) == 3
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(asyncio.sleep(0.001, number)) for number in range(100)]
    assert [task.result() for task in tasks] == list(range(100))
    try:
        loop.add_signal_handler(10, print)
    except RuntimeError as error:
        assert "main thread" in str(error), error
    else:
        raise AssertionError("signals are the main interpreter's")
    return loop.driver_name, tulipa.is_compiled()

for driver in {drivers!r}:
    print(*tulipa.run(main(), loop_factory=lambda: tulipa.EventLoop(driver)), flush=True)
"""

IN_MAIN = "print(__import__('tulipa').is_compiled(), flush=True)\n"


def output_of(source):
    child = run_source(PRELUDE + source)
    assert (child.returncode, child.stderr) == (0, "")
    return child.stdout.splitlines()


@functools.cache
def runs_asyncio(kind):
    """Whether the standard library's own loop survives there: in some releases of Python 3.12 its import crashes."""
    return run_source(f"{PRELUDE}\nfor _ in range(3): run({kind!r}, {ASYNCIO!r})").returncode == 0


def skip_unless_runs_asyncio(*kinds):
    if not all(kind == "main" or runs_asyncio(kind) for kind in kinds):
        pytest.skip("this Python does not run the standard asyncio in such an interpreter either")


@pytest.fixture(params=KINDS)
def kind(request):
    skip_unless_runs_asyncio(request.param)
    return request.param


def use():
    return USE.replace("{drivers!r}", repr(drivers()))


def test_runs_interpreted_beside_the_main_interpreter(kind):
    expected = [f"{driver} False" for driver in drivers()]
    lines = output_of(f"{IN_MAIN}run({kind!r}, {use()!r})\n{IN_MAIN}")
    assert lines == [str(tulipa.is_compiled()), *expected, str(tulipa.is_compiled())]


def test_the_first_to_import_does_not_take_the_compiled_modules(kind):
    lines = output_of(f"for _ in range(3): run({kind!r}, {IN_MAIN!r})\n{IN_MAIN}")
    assert lines == ["False"] * 3 + [str(tulipa.is_compiled())]


def test_found_by_a_roundabout_path(kind):
    source = Path(tulipa.__file__).parents[1]
    roundabout = f"import sys; sys.path.insert(0, {str(source / 'tulipa' / '..') + '/'!r})\n{IN_MAIN}"
    assert output_of(f"{IN_MAIN}run({kind!r}, {roundabout!r})") == [str(tulipa.is_compiled()), "False"]


def test_every_room_with_hot_modules_is_known():
    from tulipa import _hot_rooms

    package = Path(tulipa.__file__).parent
    assert set(_hot_rooms.HOT_ROOMS) == {path.parent.name for path in package.rglob("*.pxd")}


def test_every_hot_module_comes_from_its_source(kind):
    source = """
        import pkgutil, sys, tulipa
        for room in ("_core", "_drivers", "_transports"):
            package = __import__(f"tulipa.{room}", fromlist=["*"])
            for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
                try:
                    __import__(module.name)
                except ImportError:
                    assert module.name == "tulipa._transports.tls_openssl"  # works only compiled
        files = [module.__file__ for name, module in sys.modules.items() if name.startswith("tulipa.")]
        assert len(files) > 30
        assert not [file for file in files if not file.endswith((".py", ".pyc"))]
    """
    output_of(f"import tulipa\nrun({kind!r}, {source!r})")


def test_no_descriptor_and_no_thread_stays(kind):
    source = f"""
import tulipa
run({kind!r}, {use()!r})
before = os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []
for _ in range(3):
    run({kind!r}, {use()!r})
after = os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []
print(len(after) - len(before), threading.active_count())
"""
    assert output_of(source)[-1] == "0 1"


def test_all_tasks_are_those_of_each_interpreter(kind):
    """Python 3.11 keeps one table of tasks for all interpreters, and it must outlive them."""
    look = """
import asyncio, tulipa
async def look():
    tasks = [asyncio.create_task(asyncio.sleep(10)) for _ in range(2)]
    await asyncio.sleep(0)
    seen = asyncio.all_tasks() == {*tasks, asyncio.current_task()}
    for task in tasks:
        task.cancel()
    return seen
print(tulipa.run(look()), asyncio.run(look()), flush=True)
"""
    source = f"exec({look!r})\nrun({kind!r}, {look!r})\nexec({look!r})\nrun({kind!r}, {look!r})\nexec({look!r})"
    assert output_of(source) == ["True True"] * 5


SERVER = """
    import asyncio, os, tulipa

    async def serve():
        over = asyncio.Event()

        async def echo(reader, writer):
            while data := await reader.read(100000):
                writer.write(data)
                await writer.drain()
            writer.close()
            await writer.wait_closed()
            over.set()

        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        os.write({out}, b"%d\\n" % server.sockets[0].getsockname()[1])
        await over.wait()
        server.close()

    tulipa.run(serve())
"""
CLIENT = """
    import asyncio, os, tulipa

    async def talk():
        port = int(os.read({port}, 100))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in range(200):
            data = os.urandom(1 + number * 50)
            writer.write(data)
            assert await reader.readexactly(len(data)) == data
        writer.close()
        await writer.wait_closed()
        return "echoed"

    os.write({out}, tulipa.run(talk()).encode())
"""


@pytest.mark.skipif(
    sys.version_info < (3, 12), reason="there the standard library mixes up the running loops of interpreters"
)
@pytest.mark.parametrize("server, client", [("isolated", "isolated"), ("legacy", "isolated"), ("main", "isolated")])
def test_loops_of_two_interpreters_talk(server, client):
    skip_unless_runs_asyncio(server, client)
    source = f"""
here, port = os.pipe()
answer, out = os.pipe()

def run_anywhere(kind, source):
    if kind == "main":
        exec(textwrap.dedent(source), {{}})
    else:
        run(kind, source)

threads = [threading.Thread(target=run_anywhere, args=arguments) for arguments in [
    ({server!r}, {SERVER!r}.format(out=port)), ({client!r}, {CLIENT!r}.format(port=here, out=out))]]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
os.close(out)
print(os.read(answer, 100).decode())
"""
    assert output_of(source) == ["echoed"]
