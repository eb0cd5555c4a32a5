"""create_subprocess_exec and create_subprocess_shell: Process, its streams, communicate."""

import asyncio
import os
import signal

import pytest
from helpers.children import DEVNULL, PIPE, STDOUT, is_reaped
from helpers.running import on_loop, turns
from helpers.streams import nothing_left


@on_loop
async def test_run_to_the_end(loop, lib):
    async with nothing_left(loop):
        process = await lib.create_subprocess_exec("sh", "-c", "exit 3")
        assert (process.stdin, process.stdout, process.stderr) == (None, None, None)
        assert repr(process) == f"<Process {process.pid}>"
        assert await process.communicate() == (None, None)
        assert await process.wait() == process.returncode == 3
        assert is_reaped(process.pid)


@on_loop
async def test_communicate(loop, lib):
    async with nothing_left(loop):
        process = await lib.create_subprocess_shell("cat; echo errors >&2", stdin=PIPE, stdout=PIPE, stderr=PIPE)
        assert "stdin=<StreamWriter" in repr(process._protocol) and "stdout=<StreamReader" in repr(process._protocol)
        assert await process.communicate(b"input") == (b"input", b"errors\n")
        assert process.returncode == 0


@on_loop
async def test_communicate_with_large_data_both_ways(loop, lib):
    async with nothing_left(loop):
        data = os.urandom(1 << 20) * 8
        process = await lib.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE)
        output, _ = await process.communicate(data)
        assert output == data


@pytest.mark.reference_since(3, 12)
@on_loop
async def test_communicate_without_input_closes_stdin(loop, lib):
    async with nothing_left(loop):
        process = await lib.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE, stderr=STDOUT)
        assert await process.communicate() == (b"", None)


@on_loop
async def test_communicate_with_a_child_that_does_not_read(loop, lib):
    async with nothing_left(loop):
        process = await lib.create_subprocess_exec("true", stdin=PIPE, stdout=PIPE)
        assert await process.communicate(b"x" * 1_000_000) == (b"", None)


@on_loop
async def test_a_conversation(loop, lib):
    async with nothing_left(loop):
        process = await lib.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE, stderr=DEVNULL)
        for number in range(20):
            line = b"line %d\n" % number
            process.stdin.write(line)
            await process.stdin.drain()
            assert await process.stdout.readline() == line
        process.stdin.close()
        await process.stdin.wait_closed()
        assert [line async for line in process.stdout] == []
        assert await process.wait() == 0


@on_loop
async def test_the_output_is_not_read_for_a_while(loop, lib):
    async with nothing_left(loop):
        process = await lib.create_subprocess_exec("head", "-c", "1000000", "/dev/zero", stdout=PIPE, limit=1000)
        while not process.stdout._paused:
            await turns()
        assert await process.stdout.read() == bytes(1_000_000)
        assert await process.wait() == 0


@on_loop
async def test_signals(loop, lib):
    async with nothing_left(loop):
        for method, number in ("terminate", signal.SIGTERM), ("kill", signal.SIGKILL):
            process = await lib.create_subprocess_exec("sleep", "100", stdout=PIPE)
            getattr(process, method)()
            assert await process.wait() == -number
            assert await process.stdout.read() == b""
        process = await lib.create_subprocess_exec("sleep", "100")
        process.send_signal(signal.SIGINT)
        assert await process.wait() == -signal.SIGINT


@on_loop
async def test_stdin_of_a_child_that_is_gone(loop, lib):
    async with nothing_left(loop):
        process = await lib.create_subprocess_exec("true", stdin=PIPE)
        await process.wait()
        with pytest.raises(ConnectionError):
            while True:
                process.stdin.write(b"x" * 100_000)
                await process.stdin.drain()
                await turns()
        process.stdin.close()
        await turns(3)


@pytest.mark.ours_only  # gh-139373
@on_loop
async def test_a_cancelled_communicate_loses_nothing(loop, lib):
    async with nothing_left(loop):
        process = await lib.create_subprocess_shell(
            "cat >/dev/null; echo first; read x </dev/null; sleep 0.05; echo second", stdin=PIPE, stdout=PIPE
        )
        task = loop.create_task(process.communicate(b"input"))
        while not process.stdout._count():
            await turns()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(ValueError, match="without input"):
            await process.communicate(b"input")
        assert await process.communicate() == (b"first\nsecond\n", None)


@pytest.mark.ours_only
@on_loop
async def test_input_that_is_no_bytes_starts_nothing(loop, lib):
    async with nothing_left(loop):
        process = await lib.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE)
        with pytest.raises((TypeError, AssertionError)):  # the second by the standard loop's pipe
            await process.communicate("text")
        assert await process.communicate(b"bytes") == (b"bytes", None)


@pytest.mark.ours_only
@on_loop
async def test_a_cancelled_wait_for_the_end_of_stdin(loop, loop_errors, lib):
    """The standard library cancels what all wait for, and fails when the pipe closes."""
    async with nothing_left(loop):
        process = await lib.create_subprocess_exec("cat", stdin=PIPE)
        task = loop.create_task(process.stdin.wait_closed())
        await turns()
        task.cancel()
        await turns(2)
        process.stdin.close()
        await process.stdin.wait_closed()
        await process.wait()
    assert loop_errors == []


@on_loop
async def test_many_conversations_at_once(loop, lib):
    async def one(number):
        data = bytes([number]) * 100_000
        process = await lib.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE)
        return await process.communicate(data) == (data, None)

    async with nothing_left(loop):
        assert all(await asyncio.gather(*map(one, range(20))))


@on_loop
async def test_a_program_that_is_not_there(loop, lib):
    async with nothing_left(loop):
        with pytest.raises(FileNotFoundError):
            await lib.create_subprocess_exec("/no/such/program", stdin=PIPE, stdout=PIPE)
