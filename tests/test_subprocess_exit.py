"""How the end of a child is noticed: by a pidfd, and by a thread where there is none. Nothing is lost, nothing left."""

import asyncio
import gc
import logging
import os
import signal
import threading
import warnings

import pytest
from helpers.children import ChildRecorder, has_ended, is_reaped, running
from helpers.running import on_loop, turns
from helpers.streams import collect_garbage, nothing_left

pytestmark = pytest.mark.tulipa_only

NO_PIPES = {"stdin": None, "stdout": None, "stderr": None}


def _without(monkeypatch):
    monkeypatch.delattr(os, "pidfd_open", raising=False)


def _refused(monkeypatch):
    def refuse(pid):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", refuse, raising=False)


def _not_to_be_waited_for(monkeypatch):
    waitid = os.waitid

    def refuse(kind, *args):
        if kind == os.P_PIDFD:
            raise OSError(22, "Invalid argument")
        return waitid(kind, *args)

    monkeypatch.setattr(os, "waitid", refuse)


def _not_to_be_watched(monkeypatch):
    from tulipa._transports import child

    class Refusing:
        def set_callback(self, *args):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(child, "watcher_for", lambda loop, fd: Refusing())


WAYS = {
    "pidfd": lambda monkeypatch: None,
    "no pidfd": _without,
    "pidfd refused": _refused,
    "pidfd not to be waited for": _not_to_be_waited_for,
    "pidfd not to be watched": _not_to_be_watched,
}


def join_threads():
    """Wait for the threads that wait for children."""
    for thread in threading.enumerate():
        if thread.name.startswith("waitpid-"):
            thread.join(60)


@pytest.fixture(params=WAYS)
def way(request, monkeypatch):
    WAYS[request.param](monkeypatch)
    yield request.param
    join_threads()


@pytest.mark.usefixtures("way")
@on_loop
async def test_the_status_is_told(loop):
    async with nothing_left(loop):
        for command, status in {"exit 0": 0, "exit 7": 7, "exit 255": 255, "kill -TERM $$": -15}.items():
            async with running(loop, "sh", "-c", command, **NO_PIPES) as (transport, protocol):
                await protocol.lost()
                assert transport.get_returncode() == status
                assert transport.get_extra_info("subprocess").returncode == status
                assert is_reaped(transport.get_pid())


@on_loop
async def test_without_waitid(loop, monkeypatch):
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    monkeypatch.delattr(os, "waitid")
    async with nothing_left(loop):
        async with running(loop, "sh", "-c", "exit 7", **NO_PIPES) as (transport, protocol):
            await protocol.lost()
            assert transport.get_returncode() == 7


@pytest.mark.usefixtures("way")
@on_loop
async def test_signals(loop):
    async with running(loop, "sleep", "100", **NO_PIPES) as (transport, protocol):
        transport.send_signal(signal.SIGSTOP)
        transport.send_signal(signal.SIGCONT)
        await turns(3)
        assert "exited" not in protocol.events
        transport.terminate()
        await protocol.lost()
        assert transport.get_returncode() == -signal.SIGTERM


@pytest.mark.usefixtures("way")
@on_loop
async def test_many_at_once(loop):
    async def one(number):
        async with running(loop, "sh", "-c", f"exit {number % 200}", **NO_PIPES) as (transport, protocol):
            await protocol.lost()
            return transport.get_returncode()

    async with nothing_left(loop):
        found = await asyncio.gather(*map(one, range(100)))
    assert found == [number % 200 for number in range(100)]


@on_loop
async def test_five_hundred_at_once(loop):
    async with nothing_left(loop):
        started = [await loop.subprocess_exec(ChildRecorder, "sleep", "100", **NO_PIPES) for _ in range(500)]
        for transport, _ in started:
            transport.kill()
        for transport, protocol in started:
            await protocol.lost()
            assert transport.get_returncode() == -signal.SIGKILL
            assert is_reaped(transport.get_pid())


@pytest.mark.usefixtures("way")
def test_in_another_thread(loop_factory):
    results = []

    async def main():
        async with running(asyncio.get_running_loop(), "sh", "-c", "exit 5", **NO_PIPES) as (transport, protocol):
            await protocol.lost()
            results.append(transport.get_returncode())

    def run():
        loop = loop_factory()
        loop.run_until_complete(main())
        loop.close()

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [5, 5, 5]


# --- others wait too ---------------------------------------------------------------------------


@pytest.mark.usefixtures("way")
@on_loop
async def test_popen_is_asked(loop):
    """By poll(), wait() or communicate() of our own Popen: its result is believed."""
    async with running(loop, "sh", "-c", "exit 7", **NO_PIPES) as (transport, protocol):
        assert transport.get_extra_info("subprocess").wait() == 7
        transport.kill()
        await protocol.lost()
        assert transport.get_returncode() == 7


@pytest.mark.usefixtures("way")
@on_loop
async def test_popen_is_asked_in_a_thread(loop):
    async with running(loop, "sh", "-c", "read x; exit 7", stdout=None, stderr=None) as (transport, protocol):
        asked = loop.create_task(asyncio.to_thread(transport.get_extra_info("subprocess").wait))
        await turns(3)
        transport.get_pipe_transport(0).close()
        await protocol.lost()
        assert transport.get_returncode() == 7
        assert await asked == 7


@pytest.mark.usefixtures("way")
@on_loop
async def test_other_code_takes_any_status(loop, caplog):
    async with nothing_left(loop):
        async with running(loop, "sleep", "100", **NO_PIPES) as (transport, protocol):
            transport.kill()
            assert os.waitpid(-1, 0) == (transport.get_pid(), signal.SIGKILL)
            await protocol.lost()
            assert transport.get_returncode() == 255
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert f"process {transport.get_pid()}" in record.getMessage()
    assert "255" in record.getMessage()


@pytest.mark.usefixtures("way")
@on_loop
async def test_children_that_the_system_reaps(loop, caplog):
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        async with running(loop, "sh", "-c", "exit 7", **NO_PIPES) as (transport, protocol):
            await protocol.lost()
            assert transport.get_returncode() == 255
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert "SIGCHLD is ignored" in caplog.text


@pytest.mark.usefixtures("way")
@on_loop
async def test_a_signal_never_reaches_another_process(loop, monkeypatch):
    """The number of a child whose status was taken may belong to anybody: nothing is sent to it any more."""
    sent = []
    async with running(loop, "true", **NO_PIPES) as (transport, protocol):
        await protocol.saw("exited")
        monkeypatch.setattr(os, "kill", lambda *args: sent.append(args))
        monkeypatch.setattr(signal, "pidfd_send_signal", lambda *args: sent.append(args), raising=False)
        transport.kill()
        await protocol.lost()
        with pytest.raises(ProcessLookupError):
            transport.kill()
        transport.close()
        monkeypatch.undo()
    assert sent == []


@pytest.mark.usefixtures("way")
@on_loop
async def test_a_signal_to_a_child_that_others_have_taken(loop, monkeypatch, caplog):
    sent = []
    async with running(loop, "sleep", "100", **NO_PIPES) as (transport, protocol):
        transport.kill()
        os.waitpid(-1, 0)
        monkeypatch.setattr(os, "kill", lambda *args: sent.append(args))
        transport.kill()
        await protocol.lost()
        monkeypatch.undo()
    assert sent == []
    assert "is lost" in caplog.text


# --- loops that end ----------------------------------------------------------------------------


@pytest.mark.usefixtures("way")
def test_the_loop_is_closed_while_a_child_runs(loop_factory):
    loop = loop_factory()
    transport, protocol = loop.run_until_complete(loop.subprocess_exec(ChildRecorder, "sleep", "100"))
    loop.close()
    transport.close()
    join_threads()
    assert is_reaped(transport.get_pid())
    assert transport.get_extra_info("subprocess").returncode == -signal.SIGKILL
    assert protocol.events == ["made"]


@pytest.mark.usefixtures("way")
def test_the_loop_is_closed_after_a_child_has_ended_unnoticed(loop_factory):
    loop = loop_factory()
    transport, _ = loop.run_until_complete(loop.subprocess_exec(ChildRecorder, "sleep", "100", **NO_PIPES))
    transport.kill()
    has_ended(transport.get_pid())
    loop.close()
    transport.close()
    join_threads()
    assert is_reaped(transport.get_pid())


@on_loop
async def test_a_running_child_is_kept_by_the_loop(loop):
    async with nothing_left(loop):
        transport, protocol = await loop.subprocess_exec(ChildRecorder, "sh", "-c", "read x", stdout=None, stderr=None)
        stdin = transport.get_pipe_transport(0)
        protocol.transport = None
        del transport
        collect_garbage()
        stdin.close()
        await protocol.lost()


def test_dropped_with_its_loop(loop_factory):
    loop = loop_factory()
    transport, protocol = loop.run_until_complete(loop.subprocess_exec(ChildRecorder, "sleep", "100", **NO_PIPES))
    pid = transport.get_pid()
    loop.close()
    protocol.transport = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del transport, protocol, loop
        gc.collect()
        join_threads()
        collect_garbage()
    messages = [str(warning.message) for warning in caught if "transport" in str(warning.message)]
    assert len(messages) == 1
    assert messages[0].startswith("unclosed transport <SubprocessTransport")
    assert is_reaped(pid)


@on_loop
async def test_no_warning_once_it_is_over(loop):
    transport, protocol = await loop.subprocess_exec(ChildRecorder, "true", **NO_PIPES)
    await protocol.lost()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del transport, protocol
        collect_garbage()
