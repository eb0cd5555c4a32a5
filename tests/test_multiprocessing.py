"""multiprocessing from inside of a running loop: every way to start a process, its children with loops of their own."""

import multiprocessing
import subprocess
import sys
import textwrap

import pytest
from helpers.processes import PATIENCE, environment

METHODS = multiprocessing.get_all_start_methods()

# Each child runs a loop; the parent's goes on meanwhile, which is what `ticks` shows.
PROGRAM = """
    import asyncio, multiprocessing, os, sys
    from concurrent.futures import ProcessPoolExecutor

    def run(coroutine):
        with asyncio.Runner(loop_factory={factory}) as runner:
            return runner.run(coroutine)

    async def inside():
        await asyncio.sleep(0.001)
        loop = asyncio.get_running_loop()
        reader, writer = os.pipe()
        readable = asyncio.Event()
        loop.add_reader(reader, readable.set)
        loop.call_soon(os.write, writer, b"x")
        await readable.wait()
        loop.remove_reader(reader)
        return type(loop).__module__ + " " + str(getattr(loop, "driver_name", ""))

    def work(queue=None):
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            kind = run(inside())
        else:
            kind = "a loop seems to run already"
        if queue is None:
            return kind
        queue.put(kind)

    def grandparent(queue):
        process = multiprocessing.get_context(sys.argv[1]).Process(target=work, args=(queue,))
        process.start()
        process.join()

    async def main():
        context = multiprocessing.get_context(sys.argv[1])
        loop = asyncio.get_running_loop()
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                await asyncio.sleep(0.001)
                ticks += 1

        ticking = asyncio.create_task(tick())
        queue = context.Queue()
        for target in work, grandparent:
            process = context.Process(target=target, args=(queue,))
            process.start()
            print(target.__name__, await asyncio.to_thread(queue.get))
            await asyncio.to_thread(process.join)
            print(process.exitcode)
        with context.Pool(2) as pool:
            done = loop.create_future()
            pool.apply_async(work, callback=lambda kind: loop.call_soon_threadsafe(done.set_result, kind))
            print("pool", await done)
        with ProcessPoolExecutor(2, mp_context=context) as executor:
            print("executor", *await asyncio.gather(*(loop.run_in_executor(executor, work) for _ in range(3))))
        queue.close()
        queue.join_thread()
        before = ticks
        while ticks < before + 3:
            await asyncio.sleep(0)
        ticking.cancel()
        print(await inside())

    if __name__ == "__main__":
        run(main())
"""


def run(path, method, *options, factory=None):
    path.write_text(textwrap.dedent(PROGRAM).format(factory=factory))
    return subprocess.run(
        [sys.executable, *options, str(path), method], capture_output=True, text=True, timeout=PATIENCE,
        env=environment(PYTHONWARNINGS="ignore:.*use of fork:DeprecationWarning"), stdin=subprocess.DEVNULL,
    )


def expected(kind):
    return f"work {kind}\n0\ngrandparent {kind}\n0\npool {kind}\nexecutor {kind} {kind} {kind}\n{kind}\n"


@pytest.mark.parametrize("method", METHODS)
def test_from_inside_of_a_running_loop(loop_factory, tmp_path, method):
    outcome = run(tmp_path / "app.py", method, factory=loop_factory.expression)
    kind = "asyncio.unix_events " if loop_factory.is_std else f"tulipa.loop {loop_factory.driver}"
    assert outcome.returncode == 0, outcome.stderr
    assert (outcome.stdout, outcome.stderr) == (expected(kind), "")


@pytest.mark.parametrize("method", METHODS)
def test_under_the_command(tmp_path, method):
    """The program knows nothing of tulipa: its children, and theirs, run on it all the same, with the driver chosen."""
    pytest.importorskip("tulipa")
    outcome = run(tmp_path / "app.py", method, "-m", "tulipa", "--driver=selectors")
    assert outcome.returncode == 0, outcome.stderr
    assert (outcome.stdout, outcome.stderr) == (expected("tulipa.loop selectors"), "")
