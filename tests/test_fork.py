"""os.fork() while loops are there: a child starts its own, and nothing that it does reaches the parent's."""

import os

import pytest
from helpers.processes import run_source

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork()")

# `fork(function)` runs it in a child, which then leaves; the parent collects the child.
PRELUDE = """
import asyncio, gc, os, signal, socket, sys, threading, traceback, warnings

warnings.filterwarnings("ignore", ".*use of fork", DeprecationWarning)
warnings.filterwarnings("ignore", "unclosed", ResourceWarning)
new_loop = {factory}

def fork(function, *args):
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        try:
            function(*args)
        except SystemExit:
            raise
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return pid

def collect(pid):
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

def run(main, loop_factory=new_loop):
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(main)

def in_thread(loop):
    running = threading.Event()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    loop.call_soon_threadsafe(running.set)
    running.wait()
    return thread

def message(function, *args):
    try:
        return function(*args)
    except RuntimeError as error:
        return str(error)

def watched():
    # What the kernel has in the epoll sets of this process.
    found = []
    for number in os.listdir("/proc/self/fdinfo"):
        try:
            if os.readlink(f"/proc/self/fd/{{number}}") == "anon_inode:[eventpoll]":
                with open(f"/proc/self/fdinfo/{{number}}") as file:
                    # Neither of the fields after the mask is the same twice.
                    found += sorted(line.split()[1:4] for line in file if line.startswith("tfd"))
        except OSError:
            pass
    return found

def kinds():
    # What the open descriptors lead to.
    found = []
    for number in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{{number}}").partition(":")[0])
        except OSError:
            pass
    return sorted(found)

class Recorder(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.received, self.lost = transport, b"", False
    def data_received(self, data):
        self.received += data
    def connection_lost(self, exc):
        self.lost = True

async def until(condition):
    while not condition():
        await asyncio.sleep(0.001)
"""


@pytest.fixture
def child_of(loop_factory):
    """Run the source, after the prelude, on this kind of loop; returns its output, and fails with its errors."""

    def run(source):
        prelude = PRELUDE.format(factory=loop_factory.expression)
        child = run_source(prelude + source)
        assert (child.returncode, child.stderr) == (0, "")
        return child.stdout

    return run


# --- a child's own loop ---------------------------------------------------------------------------


def test_child_starts_its_own_loop_inside_of_the_parents(child_of):
    source = """
async def inner():
    await asyncio.sleep(0.001)
    return asyncio.get_running_loop() is not outer

def child():
    print(message(asyncio.get_running_loop), run(inner()), run(inner()))

async def main():
    global outer
    outer = asyncio.get_running_loop()
    collect(fork(child))
    await asyncio.sleep(0.001)
    print("parent", asyncio.get_running_loop() is outer, asyncio.current_task() is not None)

run(main())
"""
    assert child_of(source) == "no running event loop True True\nparent True True\n"


def test_many_children_at_once_each_with_sockets(child_of):
    source = """
async def echo(reader, writer):
    writer.write(await reader.readline())
    await writer.drain()
    writer.close()

async def client(port, text):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer

def child(port, number):
    async def both():
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        own = server.sockets[0].getsockname()[1]
        text = b"%d\\n" % number
        answers = await asyncio.gather(client(own, text), client(port, text))
        server.close()
        assert answers == [text, text], answers
    run(both())

async def main():
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    children = [fork(child, port, number) for number in range(5)]
    for pid in children:
        await asyncio.to_thread(collect, pid)
    server.close()
    print("served")

run(main())
"""
    assert child_of(source) == "served\n"


@pytest.mark.std_since(3, 12)  # older ones share the wake-up descriptor
def test_signals_in_child_and_parent_have_their_own_handlers(child_of):
    source = """
async def wait_for_signal():
    came = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, came.set)
    os.kill(os.getpid(), signal.SIGUSR1)
    await came.wait()
    return "came"

def child():
    print("child", signal.set_wakeup_fd(-1), run(wait_for_signal()), signal.set_wakeup_fd(-1))

async def main():
    calls = []
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, calls.append, "called")
    await asyncio.sleep(0.001)
    collect(fork(child))
    await asyncio.sleep(0.01)
    assert calls == []
    os.kill(os.getpid(), signal.SIGUSR1)
    await until(lambda: calls)
    print("parent", calls)

run(main())
"""
    assert child_of(source) == "child -1 came -1\nparent ['called']\n"


# --- the parent goes on undisturbed -----------------------------------------------------------------

ACTS = {
    "nothing": "pass",
    "leaves": "sys.exit()",
    "stops watching": "loop.remove_reader(one); loop.remove_reader(two)",
    "watches something else": "loop.remove_reader(one); loop.add_reader(two, print); loop.add_writer(two, print)",
    "closes what is watched": "loop.remove_reader(one); one.close(); two.close()",
    "aborts a connection": "connection.abort(); server.close()",
    "pauses a connection": "connection.pause_reading()",
    "collects garbage": "del one, two, connection, server, pair; gc.collect()",
    "wakes": "loop.call_soon_threadsafe(print); other.call_soon_threadsafe(print); idle.call_soon_threadsafe(print)",
    "closes other loops": "other.close(); idle.close()",
    "runs another loop": "idle.call_soon(idle.stop); idle.run_forever(); idle.close()",
    "has a signal": "os.kill(os.getpid(), signal.SIGUSR1)",
    "removes handlers": "loop.remove_signal_handler(signal.SIGUSR1)",
    "runs a new loop": "run(asyncio.sleep(0.001)); gc.collect()",
    "becomes another program": "sys.stdout.flush(); os.execv(sys.executable, [sys.executable, '-c', 'pass'])",
}


@pytest.mark.tulipa_only
@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
@pytest.mark.skipif(not os.path.exists("/proc/self/fdinfo"), reason="looks into the kernel's sets by /proc")
def test_parents_loops_do_not_notice(child_of, act):
    """Whatever the child does with its copies: the sets in the kernel stay, everything is told to the parent."""
    source = f"""
def child():
    global one, two, connection, server, pair
    {act}

async def main():
    global loop, other, idle, one, two, connection, server, pair
    loop = asyncio.get_running_loop()
    other, idle = new_loop(), new_loop()
    one, two = socket.socketpair()
    one.setblocking(False)
    two.setblocking(False)
    mine = one
    got, calls = [], []
    loop.add_reader(one, lambda: got.append(mine.recv(10)))
    idle.add_reader(one, print)
    server = await loop.create_server(Recorder, "127.0.0.1", 0)
    serving = server
    pair = await loop.create_connection(Recorder, "127.0.0.1", server.sockets[0].getsockname()[1])
    connection, recorder = pair
    accepted = []
    await until(lambda: accepted or accepted.extend(o for o in gc.get_objects()
                                                    if isinstance(o, Recorder) and o is not recorder))
    loop.add_signal_handler(signal.SIGUSR1, calls.append, "signal")
    thread = in_thread(other)
    await asyncio.sleep(0.001)
    before = watched()
    collect(fork(child))
    assert watched() == before, (before, watched())
    await asyncio.sleep(0.01)
    assert calls == [] and not recorder.lost and not got
    two.send(b"one")
    accepted[0].transport.write(b"served")
    os.kill(os.getpid(), signal.SIGUSR1)
    await until(lambda: got and recorder.received and calls)
    assert (got, recorder.received, calls) == ([b"one"], b"served", ["signal"])
    other.call_soon_threadsafe(other.stop)
    thread.join()
    other.close()
    idle.close()
    loop.remove_reader(mine)
    pair[0].close()
    serving.close()
    accepted[0].transport.close()
    await until(lambda: recorder.lost)
    print("undisturbed")

run(main())
"""
    assert child_of(source).endswith("undisturbed\n")


@pytest.mark.tulipa_only
def test_child_has_none_of_the_loops_descriptors(child_of):
    source = """
async def main():
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, print)
    other = new_loop()
    thread = in_thread(other)
    collect(fork(lambda: print(kinds() == before)))
    other.call_soon_threadsafe(other.stop)
    thread.join()
    other.close()

before = kinds()
run(main())
"""
    assert child_of(source) == "True\n"


# --- the inherited loop in the child -----------------------------------------------------------------


@pytest.mark.tulipa_only
def test_what_the_child_may_not_do_is_told(child_of):
    source = """
async def main():
    loop = asyncio.get_running_loop()
    collect(fork(running, loop))

def running(loop):
    print(message(loop.run_forever))
    print(message(loop.run_until_complete, loop.create_future()))
    print(message(loop.close))

def lost(loop):
    print(loop.is_running())
    print(message(loop.run_forever))
    before = kinds()
    loop.close()
    print(loop.is_closed(), kinds() == before)

run(main())
loop = new_loop()
thread = in_thread(loop)
collect(fork(lost, loop))
loop.call_soon_threadsafe(loop.stop)
thread.join()
loop.close()
"""
    lines = child_of(source).splitlines()
    assert all("when the process was forked" in line and "make a new loop" in line for line in lines[:3])
    assert lines[3] == "False"
    assert "in another thread when the process was forked" in lines[4]
    assert lines[5:] == ["True True"]


@pytest.mark.tulipa_only  # the standard loops of both share one set: what one does the other one feels
def test_idle_loop_runs_in_both(child_of):
    """As a program does that becomes a daemon after its loop was made: the files watched are watched in both."""
    source = """
def go_on(name):
    async def main():
        inside = [asyncio.create_task(asyncio.to_thread(str, 1)), loop.getaddrinfo("localhost", 1)]
        await asyncio.gather(*inside)
        os.write(writer, b"x")
        await until(lambda: name in calls)
        return calls
    print(name, loop.run_until_complete(main()))
    loop.remove_reader(reader)
    loop.close()

def child():
    calls.append("child's")
    go_on("readable")

loop = new_loop()
calls = []
reader, writer = os.pipe()
loop.add_reader(reader, lambda: calls.append("readable") or os.read(reader, 1))
loop.call_soon(calls.append, "called")
loop.run_until_complete(loop.run_in_executor(None, str))
loop.run_until_complete(asyncio.sleep(0))
collect(fork(child))
go_on("readable")
"""
    assert child_of(source) == "readable ['called', \"child's\", 'readable']\nreadable ['called', 'readable']\n"


def test_running_loop_goes_on_in_the_child(child_of):
    """The parent leaves, the child returns from the callback: what was scheduled and watched is the child's now."""
    source = """
def step():
    ready, tell = os.pipe()
    if os.fork():
        os.close(tell)
        assert os.read(ready, 4) == b"done"
        os._exit(0)
    os.close(ready)
    loop.call_soon(calls.append, "soon")
    loop.call_later(0.001, calls.append, "later")
    loop.call_later(0.002, os.write, writer, b"x")
    loop.add_signal_handler(signal.SIGUSR1, calls.append, "signal")
    loop.call_later(0.003, os.kill, os.getpid(), signal.SIGUSR1)
    loop.call_later(0.01, finish, tell)

def finish(tell):
    if len(calls) < 5:
        loop.call_later(0.01, finish, tell)
        return
    print(*calls, flush=True)
    loop.remove_reader(reader)
    loop.stop()
    os.write(tell, b"done")

loop = new_loop()
calls = []
reader, writer = os.pipe()
loop.add_reader(reader, lambda: calls.append("readable") or os.read(reader, 1))
loop.call_soon(step)
loop.call_soon(calls.append, "scheduled")
loop.run_forever()
loop.close()
"""
    assert child_of(source) == "scheduled soon later readable signal\n"


@pytest.mark.tulipa_only  # from the fork on a standard loop's tasks find no running loop
@pytest.mark.parametrize("inside", ["callback", "task"])
def test_running_loop_goes_on_in_the_child_with_its_tasks(child_of, inside):
    source = f"""
def fork_and_leave():
    ready, tell = os.pipe()
    if os.fork():
        os.close(tell)
        assert os.read(ready, 4) == b"done"
        os._exit(0)
    message(asyncio.get_running_loop) == "no running event loop" or print("a loop runs already")
    loop.call_soon(finish, tell)

async def other():
    for _ in range(3):
        await asyncio.sleep(0.001)
        assert asyncio.get_running_loop() is loop
        assert asyncio.current_task() in asyncio.all_tasks()
    return await asyncio.to_thread(str, "a thread")

async def task():
    fork_and_leave()

def finish(tell):
    loop.create_task(finished(tell))

async def finished(tell):
    print(await waiting, await other(), message(loop.run_forever)[:34], flush=True)
    await loop.shutdown_default_executor()
    loop.stop()
    os.write(tell, b"done")

loop = new_loop()
waiting = loop.create_task(other())
if {inside!r} == "task":
    forking = loop.create_task(task())
else:
    loop.call_soon(fork_and_leave)
loop.run_forever()
loop.close()
"""
    assert child_of(source) == "a thread a thread This event loop is already running\n"


@pytest.mark.tulipa_only
def test_loop_that_was_set_is_not_given_where_it_cannot_run(child_of):
    source = """
async def own():
    return asyncio.get_running_loop() is not outer

def child():
    warnings.simplefilter("ignore")
    try:
        loop = asyncio.get_event_loop()
    except RuntimeError:
        loop = new_loop()
    print(loop.run_until_complete(own()))

async def main():
    global outer
    outer = asyncio.get_running_loop()
    collect(fork(child))

run(main())
"""
    assert child_of(source) == "True\n"


@pytest.mark.tulipa_only
def test_fork_in_a_signal_handler_while_the_loop_waits(child_of):
    source = """
def handler(number, frame):
    collect(fork(child))
    loop.call_soon_threadsafe(loop.stop)

def child():
    loop.call_soon_threadsafe(print)
    run(asyncio.sleep(0.001))
    print("child")

signal.signal(signal.SIGUSR1, handler)
loop = new_loop()
loop.call_soon(threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1)).start)
loop.run_forever()
loop.close()
print("parent")
"""
    assert child_of(source) == "child\nparent\n"


@pytest.mark.tulipa_only
def test_child_forked_in_a_signal_handler_goes_on_waiting(child_of):
    source = """
def handler(number, frame):
    global tell
    ready, tell = os.pipe()
    if os.fork():
        os.close(tell)
        assert os.read(ready, 4) == b"done"
        os._exit(0)

async def main():
    thread = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1))
    thread.start()
    reader, writer = os.pipe()
    readable = loop.create_future()
    loop.add_reader(reader, lambda: loop.remove_reader(reader) and readable.set_result("readable"))
    loop.call_later(0.1, os.write, writer, b"x")
    print(await readable, asyncio.get_running_loop() is loop, flush=True)
    os.write(tell, b"done")

signal.signal(signal.SIGUSR1, handler)
loop = new_loop()
loop.run_until_complete(main())
loop.close()
"""
    assert child_of(source) == "readable True\n"
