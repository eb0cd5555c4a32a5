"""subprocess_exec and subprocess_shell: the transport, and the order in which the protocol is told."""

import asyncio
import contextvars
import errno
import logging
import os
import signal
import subprocess
import sys

import pytest
from helpers.children import DEVNULL, PIPE, STDOUT, ChildRecorder, has_ended, is_reaped, running
from helpers.running import on_loop, turns
from helpers.streams import nothing_left

NO_PIPES = {"stdin": None, "stdout": None, "stderr": None}


# --- the protocol ------------------------------------------------------------------------------


@on_loop
async def test_without_pipes(loop):
    transport, protocol = await loop.subprocess_exec(ChildRecorder, "true", **NO_PIPES)
    assert protocol.transport is transport
    assert await protocol.lost() is None
    assert protocol.events == ["made", "exited", "lost"]
    assert transport.get_returncode() == 0
    assert is_reaped(transport.get_pid())
    transport.close()


@on_loop
async def test_output_and_both_ends(loop):
    transport, protocol = await loop.subprocess_shell(ChildRecorder, "echo out; echo err >&2; exit 3", stdin=None)
    assert await protocol.lost() is None
    assert protocol.data == {1: b"out\n", 2: b"err\n"}
    assert protocol.pipe_errors == {1: None, 2: None}
    assert protocol.events[0] == "made"
    assert sorted(set(protocol.events)) == ["data", "exited", "lost", "made", "pipe 1 lost", "pipe 2 lost"]
    assert transport.get_returncode() == 3
    transport.close()


@on_loop
async def test_input(loop):
    transport, protocol = await loop.subprocess_exec(ChildRecorder, "cat", stderr=None)
    stdin = transport.get_pipe_transport(0)
    stdin.write(b"there and ")
    stdin.write(b"back")
    stdin.write_eof()
    assert await protocol.lost() is None
    assert protocol.data[1] == b"there and back"
    assert protocol.pipe_errors == {0: None, 1: None}
    transport.close()


@on_loop
async def test_lost_comes_after_the_pipes_of_a_grandchild(loop):
    """The child ends at once; what it started holds its output open, until its input ends."""
    command = "exec 3<&0; cat <&3 & exit 0"
    transport, protocol = await loop.subprocess_shell(ChildRecorder, command, stderr=None)
    await protocol.saw("exited")
    await turns(5)
    assert "lost" not in protocol.events
    assert transport.get_returncode() == 0
    transport.get_pipe_transport(0).write(b"late")
    transport.get_pipe_transport(0).close()
    assert await protocol.lost() is None
    assert protocol.data[1] == b"late"
    transport.close()


@on_loop
async def test_back_pressure_on_the_input(loop):
    async with running(loop, "sh", "-c", "read x; exec cat", stderr=None) as (transport, protocol):
        stdin = transport.get_pipe_transport(0)
        data = b"\n" + os.urandom(500_000)
        stdin.write(data)
        await protocol.saw("pause")
        await protocol.saw("resume")
        stdin.close()
        await protocol.lost()
        assert protocol.data[1] == data[1:]


@pytest.mark.parametrize("name", ["connection_made", "pipe_data_received", "pipe_connection_lost", "process_exited"])
@on_loop
async def test_callbacks_that_fail_are_reported_and_change_nothing(loop, loop_errors, name):
    def failing(self, *args):
        getattr(ChildRecorder, name)(self, *args)
        raise RuntimeError(name)

    kind = type("Failing", (ChildRecorder,), {name: failing})
    transport, protocol = await loop.subprocess_exec(kind, "echo", "out", stdin=None, stderr=None)
    await protocol.lost()
    assert protocol.events[0] == "made"
    assert sorted(protocol.events) == ["data", "exited", "lost", "made", "pipe 1 lost"]
    (context,) = loop_errors
    assert str(context["exception"]) == name
    loop_errors.clear()
    transport.close()


@on_loop
async def test_connection_lost_that_fails_is_reported(loop, loop_errors):
    class Failing(ChildRecorder):
        def connection_lost(self, exc):
            super().connection_lost(exc)
            raise RuntimeError("connection_lost")

    transport, protocol = await loop.subprocess_exec(Failing, "true", **NO_PIPES)
    await protocol.lost()
    await turns(2)
    assert len(loop_errors) == 1
    loop_errors.clear()
    transport.close()


@on_loop
async def test_set_protocol(loop):
    transport, first = await loop.subprocess_exec(ChildRecorder, "cat", stderr=None)
    second = ChildRecorder()
    assert transport.get_protocol() is first
    transport.set_protocol(second)
    assert transport.get_protocol() is second
    transport.get_pipe_transport(0).write(b"for the second")
    transport.get_pipe_transport(0).close()
    await second.lost()
    assert first.events == ["made"]
    assert second.data[1] == b"for the second"
    transport.close()


@pytest.mark.tulipa_only
@on_loop
async def test_all_callbacks_run_in_one_context(loop):
    """The one in which the child was started (PEP 567)."""
    variable = contextvars.ContextVar("variable", default="nothing")
    seen = []

    class Writing(ChildRecorder):
        def note(self, event):
            seen.append((event, variable.get()))
            variable.set(event)
            super().note(event)

    variable.set("outside")
    transport, protocol = await loop.subprocess_exec(Writing, "echo", "x", stdin=None, stderr=None)
    await protocol.lost()
    events = [event for event, _ in seen]
    assert seen == list(zip(events, ["outside", *events], strict=False))
    assert variable.get() == "outside"
    transport.close()


# --- the transport -----------------------------------------------------------------------------


@on_loop
async def test_what_it_is(loop):
    async with running(loop, "sleep", "100") as (transport, _):
        assert isinstance(transport, asyncio.SubprocessTransport)
        assert transport.get_pid() > 0
        assert transport.get_returncode() is None
        assert isinstance(transport.get_pipe_transport(0), asyncio.WriteTransport)
        assert isinstance(transport.get_pipe_transport(1), asyncio.ReadTransport)
        assert isinstance(transport.get_pipe_transport(2), asyncio.ReadTransport)
        assert transport.get_pipe_transport(3) is None
        popen = transport.get_extra_info("subprocess")
        assert isinstance(popen, subprocess.Popen)
        assert popen.pid == transport.get_pid()
        assert not transport.is_closing()
        assert f"pid={transport.get_pid()}" in repr(transport)
        assert "running" in repr(transport)
        assert "stdin=" in repr(transport)
        assert "stderr=" in repr(transport)
        transport.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGUSR1, int(signal.SIGHUP)])
@on_loop
async def test_signals(loop, number):
    async with running(loop, "sleep", "100", **NO_PIPES) as (transport, protocol):
        transport.send_signal(number)
        await protocol.lost()
        assert transport.get_returncode() == -number
        assert f"returncode={-number}" in repr(transport)


@pytest.mark.parametrize(("method", "number"), [("terminate", signal.SIGTERM), ("kill", signal.SIGKILL)])
@on_loop
async def test_terminate_and_kill(loop, method, number):
    async with running(loop, "sleep", "100", **NO_PIPES) as (transport, protocol):
        getattr(transport, method)()
        await protocol.lost()
        assert transport.get_returncode() == -number


@on_loop
async def test_a_signal_after_the_end(loop):
    transport, protocol = await loop.subprocess_exec(ChildRecorder, "true", **NO_PIPES)
    await protocol.lost()
    await turns(2)
    for method in transport.kill, transport.terminate, lambda: transport.send_signal(0):
        with pytest.raises(ProcessLookupError):
            method()
    transport.close()


@pytest.mark.tulipa_only  # a thread of the standard loop may take the status before this test can look
@on_loop
async def test_a_signal_between_the_end_and_its_notice(loop):
    async with running(loop, "sleep", "100", **NO_PIPES) as (transport, protocol):
        transport.kill()
        has_ended(transport.get_pid())
        transport.terminate()
        await protocol.lost()
        assert transport.get_returncode() == -signal.SIGKILL


@on_loop
async def test_a_wrong_signal(loop):
    async with running(loop, "sleep", "100", **NO_PIPES) as (transport, _):
        with pytest.raises((OSError, ValueError)):
            transport.send_signal(12345)
        assert transport.get_returncode() is None


@on_loop
async def test_closing_kills(loop):
    async with nothing_left(loop):
        transport, protocol = await loop.subprocess_exec(ChildRecorder, "sleep", "100")
        transport.close()
        transport.close()
        assert transport.is_closing()
        assert await protocol.lost() is None
        assert transport.get_returncode() == -signal.SIGKILL
        assert is_reaped(transport.get_pid())
        assert sorted(protocol.events) == ["exited", "lost", "made", "pipe 0 lost", "pipe 1 lost", "pipe 2 lost"]


@pytest.mark.tulipa_only
@on_loop
async def test_closing_does_not_wait_for_a_grandchild(loop):
    """What the killed child has started holds its pipes, and never reads."""
    async with nothing_left(loop):
        transport, protocol = await loop.subprocess_shell(ChildRecorder, "sleep 100 & echo $!; wait", stderr=None)
        await protocol.saw("data")
        transport.get_pipe_transport(0).write(b"x" * 1_000_000)
        transport.close()
        await protocol.lost()
        os.kill(int(protocol.data[1]), signal.SIGKILL)


@on_loop
async def test_closing_in_connection_made(loop):
    class Closing(ChildRecorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.close()

    transport, protocol = await loop.subprocess_exec(Closing, "sleep", "100")
    await protocol.lost()
    assert transport.get_returncode() == -signal.SIGKILL


# --- starting ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"universal_newlines": True}, {"shell": True}, {"bufsize": 4096}, {"text": True},
        {"encoding": "utf-8"}, {"errors": "strict"},
    ],
    ids=str,
)
@on_loop
async def test_refusals_of_exec(loop, options):
    (name,) = options
    with pytest.raises(ValueError, match=f"{name} must be"):
        await loop.subprocess_exec(ChildRecorder, "true", **options)


@pytest.mark.parametrize(
    "options",
    [
        {"universal_newlines": True}, {"shell": False}, {"bufsize": 4096}, {"text": True},
        {"encoding": "utf-8"}, {"errors": "strict"},
    ],
    ids=str,
)
@on_loop
async def test_refusals_of_shell(loop, options):
    (name,) = options
    with pytest.raises(ValueError, match=f"{name} must be"):
        await loop.subprocess_shell(ChildRecorder, "true", **options)
    with pytest.raises(ValueError, match="cmd must be a string"):
        await loop.subprocess_shell(ChildRecorder, ["true"])


@pytest.mark.parametrize(
    ("program", "error"),
    [("/no/such/program", FileNotFoundError), ("/dev/null", PermissionError), (7, TypeError), ("a\0b", ValueError)],
    ids=repr,
)
@on_loop
async def test_programs_that_can_not_be_started(loop, program, error):
    async with nothing_left(loop):
        with pytest.raises(error):
            await loop.subprocess_exec(ChildRecorder, program)


@on_loop
async def test_a_directory_that_is_not_there(loop):
    async with nothing_left(loop):
        with pytest.raises(FileNotFoundError, match="no/such"):
            await loop.subprocess_exec(ChildRecorder, "true", cwd="/no/such")


@on_loop
async def test_factory_that_fails(loop):
    def fail():
        raise LookupError("no protocol")

    async with nothing_left(loop):
        with pytest.raises(LookupError):
            await loop.subprocess_exec(fail, "true")


@pytest.mark.parametrize("pauses", range(4))
@on_loop
async def test_cancelled_while_starting(loop, pauses):
    async with nothing_left(loop):
        protocol = ChildRecorder()
        task = loop.create_task(loop.subprocess_exec(lambda: protocol, "sleep", "100"))
        await turns(pauses)
        if task.done():
            task.result()[0].close()
        else:
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        if pauses:
            await protocol.lost()
            assert is_reaped(protocol.transport.get_pid())
            assert protocol.events[0] == "made"


@pytest.mark.tulipa_only
@on_loop
async def test_cancelled_while_starting_and_again_while_cleaning_up(loop):
    async with nothing_left(loop):
        protocol = ChildRecorder()
        task = loop.create_task(loop.subprocess_exec(lambda: protocol, "sleep", "100"))
        await turns(1)
        task.cancel()
        await turns(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await protocol.lost()
        assert is_reaped(protocol.transport.get_pid())


# --- what Popen takes --------------------------------------------------------------------------


async def output_of(loop, command, **options):
    """What the shell's command line writes to its output."""
    transport, protocol = await loop.subprocess_shell(
        ChildRecorder, command, **{"stdin": DEVNULL, "stderr": None, **options}
    )
    await protocol.lost()
    assert transport.get_returncode() == 0
    transport.close()
    return protocol.data[1].decode().strip()


@on_loop
async def test_directory_and_environment(loop, tmp_path):
    command = "pwd; echo $FLOWER"
    environment = {**os.environ, "FLOWER": "tulip"}
    assert await output_of(loop, command, cwd=tmp_path, env=environment) == f"{tmp_path}\ntulip"


@on_loop
async def test_session_and_umask(loop):
    command = "ps -o sid= -p $$; echo $$; umask"
    sid, pid, mask = (await output_of(loop, command, start_new_session=True, umask=0o027)).split()
    assert (sid, mask) == (pid, "0027")


@on_loop
async def test_process_group(loop):
    group, pid = (await output_of(loop, "ps -o pgid= -p $$; echo $$", process_group=0)).split()
    assert group == pid


@on_loop
async def test_preexec_fn_and_executable(loop):
    assert await output_of(loop, "umask; echo $0", preexec_fn=lambda: os.umask(0o031) and None,
                           executable="/bin/sh") == "0031\n/bin/sh"


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become another user")
@on_loop
async def test_user_and_group(loop):
    assert await output_of(loop, "id -u; id -g; id -G", user=12345, group=23456, extra_groups=[23457]) == (
        "12345\n23456\n23456 23457"
    )


@on_loop
async def test_passed_descriptors(loop):
    reader, writer = os.pipe()
    try:
        text = await output_of(loop, f"echo through >/dev/fd/{writer}; echo done", pass_fds=[writer])
        assert (text, os.read(reader, 100)) == ("done", b"through\n")
    finally:
        os.close(reader)
        os.close(writer)


@on_loop
async def test_the_child_has_no_descriptor_of_ours(loop):
    async with running(loop, "sleep", "100"):
        assert (await output_of(loop, "ls /proc/self/fd")).split() == ["0", "1", "2", "3"]


@on_loop
async def test_files_as_streams(loop, tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"from a file")
    with source.open("rb") as stdin, target.open("wb") as stdout:
        transport, protocol = await loop.subprocess_exec(
            ChildRecorder, "cat", stdin=stdin, stdout=stdout.fileno(), stderr=DEVNULL
        )
        await protocol.lost()
    assert target.read_bytes() == b"from a file"
    assert [transport.get_pipe_transport(fd) for fd in range(3)] == [None] * 3
    transport.close()


@on_loop
async def test_errors_joined_with_the_output(loop):
    assert await output_of(loop, "echo one; echo two >&2", stderr=STDOUT) == "one\ntwo"


@on_loop
async def test_bytes_and_paths(loop, tmp_path):
    transport, protocol = await loop.subprocess_exec(
        ChildRecorder, b"echo", b"\xff", tmp_path, stdin=None, stderr=None
    )
    await protocol.lost()
    assert protocol.data[1] == b"\xff " + os.fsencode(tmp_path) + b"\n"
    transport.close()


@on_loop
async def test_the_childs_streams_can_be_opened_by_name(loop):
    transport, protocol = await loop.subprocess_shell(
        ChildRecorder, "cat /dev/stdin >/proc/self/fd/1; echo errors >/dev/stderr"
    )
    transport.get_pipe_transport(0).write(b"by name")
    transport.get_pipe_transport(0).close()
    await protocol.lost()
    assert protocol.data == {1: b"by name", 2: b"errors\n"}
    transport.close()


@on_loop
async def test_the_childs_streams_block(loop):
    """That our ends don't is nothing that the child could see."""
    source = "import os; print([os.get_blocking(fd) for fd in range(3)])"
    transport, protocol = await loop.subprocess_exec(ChildRecorder, sys.executable, "-IS", "-c", source)
    await protocol.lost()
    assert protocol.data[1] == b"[True, True, True]\n"
    transport.close()


# --- debug mode --------------------------------------------------------------------------------


@on_loop
async def test_debug_mode(loop, caplog):
    caplog.set_level(logging.DEBUG, "asyncio")
    loop.set_debug(True)
    transport, protocol = await loop.subprocess_exec(ChildRecorder, "true", "secret", stdin=DEVNULL, stderr=STDOUT)
    await protocol.lost()
    transport.close()
    async with running(loop, "sleep", "100", stdin=None) as (running_transport, _):
        pass
    loop.set_debug(False)
    texts = "\n".join(record.getMessage() for record in caplog.records)
    assert "execute program 'true' stdin=" in texts
    assert "stdout=stderr=<pipe>" in texts
    assert f"process 'true' created: pid {transport.get_pid()}" in texts
    assert "exited with return code 0" in texts
    assert "Close running child process: kill" in texts
    assert "stdout=<pipe> stderr=<pipe>" in texts
    assert "secret" not in texts
    assert running_transport.get_returncode() == -9


@pytest.mark.tulipa_only
@on_loop
async def test_the_error_of_a_late_signal_says_how_it_ended(loop):
    async with running(loop, "sh", "-c", "exit 7", **NO_PIPES) as (transport, protocol):
        await protocol.lost()
        with pytest.raises(ProcessLookupError, match="return code 7") as caught:
            transport.kill()
        assert caught.value.errno == errno.ESRCH


@on_loop
async def test_pipe_constants_are_those_of_subprocess(loop):
    transport, protocol = await loop.subprocess_exec(ChildRecorder, "true", stdin=PIPE, stdout=PIPE, stderr=PIPE)
    await protocol.lost()
    assert set(protocol.pipe_errors) == {0, 1, 2}
    transport.close()
