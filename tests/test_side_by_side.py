"""Several loops in one process: in threads beside each other, talking to each other, a thousand one after another."""

import asyncio
import contextlib
import threading

import pytest
from helpers.accounting import open_descriptors
from helpers.processes import run_source


def in_threads(count, work):
    """Call ``work(number)`` in so many threads at once; their results in order. What one raises is raised."""
    outcomes = [None] * count
    gate = threading.Barrier(count)

    def run(number):
        gate.wait()
        try:
            outcomes[number] = work(number), None
        except BaseException as error:
            outcomes[number] = None, error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _, error in outcomes:
        if error is not None:
            raise error
    return [result for result, _ in outcomes]


def run(loop_factory, main):
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(main)


class Neighbour:
    """A loop that runs in a thread of its own; as a context manager, stopped and closed at the end."""

    def __init__(self, loop_factory):
        self.loop = loop_factory()
        self._thread = threading.Thread(target=self.loop.run_forever)

    def __enter__(self):
        self._thread.start()
        return self.loop

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


async def echo(reader, writer):
    while data := await reader.read(10000):
        writer.write(data)
        await writer.drain()
    writer.close()
    await writer.wait_closed()


async def exercise():
    """Timers, tasks, threads and connections; the loop that it ran on."""
    loop = asyncio.get_running_loop()
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    for size in (1, 1000, 100_000):
        writer.write(b"x" * size)
        assert await reader.readexactly(size) == b"x" * size
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()
    assert await asyncio.gather(*(asyncio.sleep(0.001, number) for number in range(20))) == list(range(20))
    assert await asyncio.to_thread(threading.get_ident) != threading.get_ident()
    assert asyncio.get_running_loop() is loop and asyncio.current_task(loop) is asyncio.current_task()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    return loop


def test_in_threads_beside_each_other(loop_factory):
    before = open_descriptors()
    loops = in_threads(8, lambda number: run(loop_factory, exercise()))
    assert len(set(map(id, loops))) == 8 and all(loop.is_closed() for loop in loops)
    assert len(open_descriptors()) == len(before)


def test_one_after_another_in_a_thread(loop_factory):
    before = open_descriptors()
    in_threads(2, lambda number: [run(loop_factory, exercise()) for _ in range(10)])
    assert len(open_descriptors()) == len(before) and threading.active_count() == 1


def test_a_loop_moves_from_thread_to_thread(loop):
    """It may run in any thread, in one at a time; elsewhere it says that it runs already."""
    for _ in range(3):
        assert in_threads(1, lambda number: loop.run_until_complete(exercise())) == [loop]
    assert loop.run_until_complete(exercise()) is loop

    async def run_elsewhere():
        with pytest.raises(RuntimeError, match="already running"):
            await asyncio.to_thread(loop.run_forever)

    loop.run_until_complete(run_elsewhere())


# --- loops that talk to each other ----------------------------------------------------------------


def test_ping_pong_by_call_soon_threadsafe(loop_factory):
    rounds, done = 2000, threading.Event()

    def ping(number, mine, other):
        if number == rounds:
            done.set()
        else:
            other.call_soon_threadsafe(ping, number + 1, other, mine)

    with Neighbour(loop_factory) as one, Neighbour(loop_factory) as two:
        one.call_soon_threadsafe(ping, 0, one, two)
        done.wait()


def test_every_loop_calls_every_other(loop_factory):
    count, each = 4, 200
    heard = [[] for _ in range(count)]
    neighbours = [Neighbour(loop_factory) for _ in range(count)]
    left = threading.Semaphore(0)

    def hear(at, sender, number):
        heard[at].append((sender, number))
        left.release()

    def call_all(sender):
        for number in range(each):
            for at, other in enumerate(neighbours):
                other.loop.call_soon_threadsafe(hear, at, sender, number)

    with contextlib.ExitStack() as running:
        for neighbour in neighbours:
            running.enter_context(neighbour)
        for sender, neighbour in enumerate(neighbours):
            neighbour.loop.call_soon_threadsafe(call_all, sender)
        for _ in range(count * count * each):
            left.acquire()
    for calls in heard:
        for sender in range(count):
            assert [number for who, number in calls if who == sender] == list(range(each)), "in order, each once"


def test_run_coroutine_threadsafe_in_both_directions_under_load(loop_factory):
    async def answer(number):
        await asyncio.sleep(0)
        if number % 10 == 9:
            raise ValueError(number)
        return number

    async def ask(other, count):
        loop = asyncio.get_running_loop()
        busy = asyncio.create_task(spin())
        try:
            futures = [
                asyncio.wrap_future(asyncio.run_coroutine_threadsafe(answer(number), other), loop=loop)
                for number in range(count)
            ]
            return await asyncio.gather(*futures, return_exceptions=True)
        finally:
            busy.cancel()

    async def spin():
        while True:
            await asyncio.sleep(0)

    with Neighbour(loop_factory) as one, Neighbour(loop_factory) as two:
        asked = [asyncio.run_coroutine_threadsafe(ask(other, 300), mine) for mine, other in [(one, two), (two, one)]]
        for future in asked:
            answers = future.result()
            assert [a.args[0] if isinstance(a, ValueError) else a for a in answers] == list(range(300))
            assert sum(isinstance(a, ValueError) for a in answers) == 30


def test_cancelling_what_runs_on_the_other_loop(loop_factory):
    cancelled = threading.Event()

    async def wait():
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    with Neighbour(loop_factory) as one, Neighbour(loop_factory) as two:
        started = threading.Event()

        async def ask_and_give_up():
            future = asyncio.run_coroutine_threadsafe(wait(), two)
            await asyncio.to_thread(started.wait)
            future.cancel()
            await asyncio.to_thread(cancelled.wait)

        asyncio.run_coroutine_threadsafe(ask_and_give_up(), one).result()
        asyncio.run_coroutine_threadsafe(one.shutdown_default_executor(), one).result()


# --- a thousand loops -----------------------------------------------------------------------------

LIVES = {
    "made and closed": "loop = new_loop(); loop.close()",
    "run": "loop = new_loop(); loop.run_until_complete(asyncio.sleep(0)); loop.close()",
    "with work left": """
loop = new_loop()
loop.call_later(1000, print)
loop.call_soon(loop.stop)
loop.call_soon(loop.call_soon, print)
loop.run_forever()
loop.call_soon_threadsafe(print)
loop.close()""",
    "with signals": """
loop = new_loop()
loop.add_signal_handler(signal.SIGUSR1, print)
loop.run_until_complete(asyncio.sleep(0))
loop.close()""",
    "with descriptors watched": """
loop = new_loop()
one, two = socket.socketpair()
loop.add_reader(one, print)
loop.add_writer(two, loop.stop)
loop.run_forever()
loop.close()
one.close()
two.close()""",
    "with a connection": """
async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
    transport, _ = await loop.create_connection(asyncio.Protocol, *server.sockets[0].getsockname())
    transport.write(b"x" * 1000)
    await asyncio.sleep(0)
    transport.close()
    server.close()
    await asyncio.sleep(0)
with asyncio.Runner(loop_factory=new_loop) as runner:
    runner.run(main())""",
    "in a thread": """
def work():
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(asyncio.sleep(0))
thread = threading.Thread(target=work)
thread.start()
thread.join()""",
    "never closed": "loop = new_loop(); loop.run_until_complete(asyncio.sleep(0)); del loop",
}

# Batch after batch: what the first ones leave is caches; from then on nothing may come.
COUNT = """
import asyncio, gc, os, signal, socket, sys, threading, warnings

warnings.simplefilter("ignore", ResourceWarning)
new_loop = {factory}

def live():
    global loop, one, two, runner, main, thread
    {life}

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024

def batch(count):
    for _ in range(count):
        live()
    loop = one = two = runner = main = thread = None
    gc.collect()
    descriptors = len(os.listdir("/proc/self/fd"))
    return descriptors, threading.active_count(), sys.getallocatedblocks(), resident()

batch(200)
before = batch({count})
after = batch({count})
print(*(b - a for a, b in zip(before, after)))
"""


@pytest.mark.parametrize("life", LIVES.values(), ids=LIVES)
@pytest.mark.skipif(not open_descriptors(), reason="counts by /proc")
def test_a_thousand_loops_leave_nothing(loop_factory, life):
    # A batch twice, a thousand loops with the warming up.
    source = COUNT.format(factory=loop_factory.expression, life="\n    ".join(life.strip().splitlines()), count=400)
    child = run_source(source)
    assert (child.returncode, child.stderr) == (0, "")
    descriptors, threads, blocks, kilobytes = map(int, child.stdout.split())
    assert (descriptors, threads) == (0, 0)
    assert blocks < 200, f"{blocks} blocks of memory left by 400 loops"
    assert kilobytes < 400, f"{kilobytes} KiB of memory left by 400 loops"
