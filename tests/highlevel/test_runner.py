"""Runner, run."""

import asyncio
import contextvars
import os
import signal
import sys
import threading

import pytest

VARIABLE = "PYTHONASYNCIODEBUG"
variable = contextvars.ContextVar("variable", default=None)


async def give(value=None):
    await asyncio.sleep(0)
    return value


class Awaitable:
    def __await__(self):
        return (yield from give("awaitable").__await__())


@pytest.fixture
def runner(lib, loop_factory):
    with make_runner(lib, loop_factory) as runner:
        yield runner


def make_runner(lib, loop_factory, **options):
    return lib.Runner(loop_factory=loop_factory, **options)


def test_runs_again_and_again_in_one_loop(runner):
    loop = runner.get_loop()

    async def running_loop():
        return asyncio.get_running_loop()

    assert runner.run(running_loop()) is runner.run(running_loop()) is loop
    assert runner.run(give("value")) == "value"


def test_is_closed_at_the_end(lib, loop_factory):
    with make_runner(lib, loop_factory) as runner:
        loop = runner.get_loop()
    assert loop.is_closed()
    runner.close()
    for use in (runner.get_loop, runner.__enter__):
        with pytest.raises(RuntimeError, match="Runner is closed"):
            use()


def test_closed_before_use(lib, loop_factory):
    made = []
    runner = lib.Runner(loop_factory=lambda: made.append(loop_factory()))
    runner.close()
    assert made == []


def test_raises_what_the_coroutine_raises(runner):
    async def fail():
        raise KeyError("key")

    with pytest.raises(KeyError):
        runner.run(fail())


def test_one_context_for_all(runner):
    async def change(value):
        before = variable.get()
        variable.set(value)
        return before

    assert runner.run(change("first")) is None
    assert runner.run(change("second")) == "first"
    context = contextvars.copy_context()
    assert runner.run(change("third"), context=context) is None
    assert context[variable] == "third" and variable.get() is None
    assert runner.run(change("fourth")) == "second"


@pytest.mark.parametrize("debug", [True, False, None])
def test_debug(lib, loop_factory, debug):
    with make_runner(lib, loop_factory, debug=debug) as runner:
        expected = sys.flags.dev_mode or os.environ.get(VARIABLE, "") != "" if debug is None else debug
        assert runner.get_loop().get_debug() is expected


@pytest.mark.reference_since(3, 14)
def test_any_awaitable(runner):
    assert runner.run(Awaitable()) == "awaitable"
    future = runner.get_loop().create_future()
    future.set_result(1)
    assert runner.run(future) == 1


@pytest.mark.reference_since(3, 14)
@pytest.mark.parametrize("wrong", [5, None, give], ids=["number", "None", "function"])
def test_what_is_not_awaitable(runner, wrong):
    with pytest.raises(TypeError):
        runner.run(wrong)


@pytest.mark.ours_only
def test_what_is_not_called(runner):
    with pytest.raises(TypeError, match=r"a coroutine was expected, got .*; call it: give\(\)"):
        runner.run(give)


def test_within_a_loop(runner, lib):
    async def main():
        coro = give()
        for run in (runner.run, lib.run):
            with pytest.raises(RuntimeError, match="cannot be called from a running event loop"):
                run(coro)
        coro.close()

    runner.run(main())


def test_cancels_what_is_left(lib, loop_factory):
    notes = []

    async def left():
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            notes.append("cleaned up")

    async def generate():
        try:
            yield 1
            yield 2
        finally:
            notes.append("generator closed")

    async def main():
        tasks.append(asyncio.create_task(left()))
        generators.append(generate())
        await anext(generators[0])

    tasks, generators = [], []
    with make_runner(lib, loop_factory) as runner:
        runner.run(main())
    assert notes == ["cleaned up", "generator closed"] and tasks[0].cancelled()


def test_tells_of_what_fails_at_the_end(lib, loop_factory):
    contexts, tasks = [], []

    async def left():
        try:
            await asyncio.Event().wait()
        finally:
            raise KeyError("at the end")

    async def main():
        tasks.append(asyncio.create_task(left()))
        await asyncio.sleep(0)

    with make_runner(lib, loop_factory) as runner:
        runner.get_loop().set_exception_handler(lambda _, context: contexts.append(context))
        runner.run(main())
    (context,) = contexts
    assert isinstance(context["exception"], KeyError) and "shutdown" in context["message"]


def test_waits_for_threads(lib, loop_factory):
    ended = threading.Event()

    async def main():
        started = threading.Event()
        asyncio.get_running_loop().run_in_executor(None, lambda: (started.set(), release.wait(), ended.set()))
        await asyncio.to_thread(started.wait)
        threading.Thread(target=release.set).start()

    release = threading.Event()
    with make_runner(lib, loop_factory) as runner:
        runner.run(main())
    assert ended.is_set()


@pytest.mark.reference_since(3, 12)
def test_run(lib, loop_factory):
    assert lib.run(give("value"), loop_factory=loop_factory) == "value"
    assert lib.run(give("value"), debug=True, loop_factory=loop_factory) == "value"


@pytest.mark.ours_only
@pytest.mark.filterwarnings("ignore:.*policy.*:DeprecationWarning")
def test_without_a_factory_the_new_loop_is_the_current_one(lib):
    seen = []

    async def main():
        seen.append(asyncio.get_running_loop())

    with lib.Runner() as runner:
        assert asyncio.get_event_loop() is runner.get_loop()
        runner.run(main())
        runner.run(main())
    assert seen[0] is seen[1] and seen[0].is_closed()


# --- Ctrl-C ----------------------------------------------------------------------------------------------------


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(autouse=True)
def default_interrupts():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


def test_interrupted_while_it_waits(runner):
    notes = []

    async def main():
        asyncio.get_running_loop().call_soon(interrupt)
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            notes.append("cleaned up")

    with pytest.raises(KeyboardInterrupt):
        runner.run(main())
    assert notes == ["cleaned up"]
    assert runner.run(give("goes on")) == "goes on"


def test_interrupted_but_it_ends_as_usual(runner):
    async def main():
        asyncio.get_running_loop().call_soon(interrupt)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "all the same"

    assert runner.run(main()) == "all the same"


def test_interrupted_twice(runner):
    async def main():
        interrupt()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            interrupt()
            await asyncio.Event().wait()

    with pytest.raises(KeyboardInterrupt):
        runner.run(main())


def test_cancelled_otherwise(runner):
    async def main():
        asyncio.current_task().cancel()
        await asyncio.sleep(0)

    with pytest.raises(asyncio.CancelledError):
        runner.run(main())


def test_interrupted_and_cancelled_otherwise_too(runner):
    async def main():
        interrupt()
        asyncio.current_task().cancel()
        await asyncio.sleep(0)

    with pytest.raises(asyncio.CancelledError):
        runner.run(main())


def test_a_handler_of_ones_own_stays(runner):
    calls = []
    signal.signal(signal.SIGINT, lambda *_: calls.append("own"))

    async def main():
        interrupt()
        await asyncio.sleep(0)

    runner.run(main())
    signal.signal(signal.SIGINT, signal.default_int_handler)
    assert calls == ["own"]


def test_in_another_thread(lib, loop_factory):
    results = []

    def run():
        with make_runner(lib, loop_factory) as runner:
            results.append(runner.run(give("value")))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert results == ["value"]
