"""Child watchers (up to Python 3.13): the one that a program has chosen is asked for the status of its children."""

import asyncio
import os
import sys
import threading
import warnings

import pytest
from helpers.children import PIPE, ChildRecorder, is_reaped
from helpers.running import on_loop

if not hasattr(getattr(asyncio, "unix_events", None), "PidfdChildWatcher"):
    pytest.skip("this Python has no child watchers", allow_module_level=True)

# MultiLoopChildWatcher loses children: a race in it, for which CPython skips its tests too (bpo-38323).
KINDS = ["SafeChildWatcher", "FastChildWatcher", "ThreadedChildWatcher", "PidfdChildWatcher"]


class Watcher(asyncio.ThreadedChildWatcher):
    """One of a program's own, which notes for whom it was asked."""

    def __init__(self):
        super().__init__()
        self.asked = []
        self.active = True

    def is_active(self):
        return self.active

    def add_child_handler(self, pid, callback, *args):
        self.asked.append(pid)
        super().add_child_handler(pid, callback, *args)


@pytest.fixture
def choose(loop):
    """Choose a child watcher for the test."""
    chosen = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)

        def choose(watcher):
            watcher.attach_loop(loop)
            asyncio.set_child_watcher(watcher)
            chosen.append(watcher)
            return watcher

        yield choose
        for watcher in chosen:
            asyncio.set_child_watcher(None)
            watcher.close()


@pytest.fixture(params=KINDS)
def watcher(request, choose):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return choose(getattr(asyncio, request.param)())


@on_loop
async def test_children_end_as_they_should(loop, watcher):
    processes = [
        await asyncio.create_subprocess_exec("sh", "-c", f"echo {number}; exit {number}", stdout=PIPE)
        for number in range(5)
    ]
    outputs = [await process.communicate() for process in processes]
    assert outputs == [(b"%d\n" % number, None) for number in range(5)]
    assert [process.returncode for process in processes] == list(range(5))
    assert all(is_reaped(process.pid) for process in processes)


@on_loop
async def test_child_that_is_killed(loop, watcher):
    process = await asyncio.create_subprocess_exec("sleep", "60")
    process.kill()
    assert await process.wait() == -9
    assert is_reaped(process.pid)


@on_loop
async def test_child_that_ends_at_once(loop, watcher):
    for _ in range(5):
        process = await asyncio.create_subprocess_exec("true")
        assert await process.wait() == 0


@on_loop
async def test_closing_kills_and_reaps(loop, watcher):
    transport, protocol = await loop.subprocess_exec(ChildRecorder, "sleep", "60")
    transport.close()
    await protocol.lost()
    assert transport.get_returncode() == -9
    assert is_reaped(transport.get_pid())


@on_loop
async def test_cancelled_start_reaps(loop, watcher):
    task = loop.create_task(loop.subprocess_exec(ChildRecorder, "sleep", "60"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@on_loop
async def test_one_of_its_own_is_asked(loop, choose):
    watcher = choose(Watcher())
    process = await asyncio.create_subprocess_exec("sh", "-c", "exit 3")
    assert await process.wait() == 3
    assert watcher.asked == [process.pid]


@on_loop
async def test_inactive_one_starts_nothing(loop, choose):
    watcher = choose(Watcher())
    watcher.active = False
    with pytest.raises(RuntimeError, match="not activated|not active"):
        await asyncio.create_subprocess_exec("true")
    assert watcher.asked == []


def test_inactive_one_of_another_thread(loop, choose):
    """A SafeChildWatcher serves the threads of a program as long as the main thread's loop runs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        choose(asyncio.SafeChildWatcher())
    failures = []

    async def main():
        with pytest.raises(RuntimeError, match="not activated|not active"):
            await asyncio.create_subprocess_exec("true")
        failures.append("as it should")

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    thread.join()
    assert failures == ["as it should"]


@pytest.mark.tulipa_only
@on_loop
async def test_status_that_somebody_else_took_first(loop, choose):
    """A watcher that says nothing of the status it took: what Popen has found is believed."""

    class Silent(Watcher):
        def add_child_handler(self, pid, callback, *args):
            self.tell = lambda: callback(pid, 7, *args)

    watcher = choose(Silent())
    transport, protocol = await loop.subprocess_exec(ChildRecorder, "sh", "-c", "exit 3")
    popen = transport.get_extra_info("subprocess")
    await asyncio.to_thread(popen.wait)
    watcher.tell()
    await protocol.lost()
    assert transport.get_returncode() == popen.returncode == 3


@pytest.mark.tulipa_only
def test_loop_that_is_closed_before_the_watcher_tells(loop_factory):
    class Silent(Watcher):
        def add_child_handler(self, pid, callback, *args):
            self.tell = lambda: callback(pid, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), *args)

    watcher = Silent()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        asyncio.set_child_watcher(watcher)
        loop = loop_factory()
        transport, protocol = loop.run_until_complete(
            loop.subprocess_exec(ChildRecorder, sys.executable, "-c", "", stdin=None, stdout=None, stderr=None)
        )
        loop.close()
        watcher.tell()
        asyncio.set_child_watcher(None)
    assert transport.get_extra_info("subprocess").returncode == 0
    transport.close()
    assert is_reaped(transport.get_pid())
