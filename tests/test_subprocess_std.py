"""The standard library's subprocess interface on the loop: create_subprocess_exec, create_subprocess_shell, Process."""

import asyncio
import os
import signal

import pytest
from helpers.children import DEVNULL, PIPE, STDOUT, is_reaped
from helpers.processes import run_source
from helpers.running import on_loop, turns
from helpers.streams import nothing_left

LARGE = 32 << 20


@on_loop
async def test_run_to_the_end(loop):
    async with nothing_left(loop):
        process = await asyncio.create_subprocess_exec("sh", "-c", "exit 3")
        assert (process.stdin, process.stdout, process.stderr) == (None, None, None)
        assert await process.wait() == 3
        assert process.returncode == 3
        assert await process.wait() == 3
        assert is_reaped(process.pid)


@on_loop
async def test_communicate(loop):
    async with nothing_left(loop):
        process = await asyncio.create_subprocess_shell(
            "cat; echo errors >&2", stdin=PIPE, stdout=PIPE, stderr=PIPE
        )
        assert await process.communicate(b"input") == (b"input", b"errors\n")
        assert process.returncode == 0


@on_loop
async def test_communicate_with_large_data_both_ways(loop):
    async with nothing_left(loop):
        data = os.urandom(1 << 20) * (LARGE >> 20)
        process = await asyncio.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE)
        output, _ = await process.communicate(data)
        assert len(output) == LARGE
        assert output == data
        assert process.returncode == 0


@on_loop
async def test_communicate_with_a_child_that_does_not_read(loop):
    async with nothing_left(loop):
        process = await asyncio.create_subprocess_exec("true", stdin=PIPE, stdout=PIPE, stderr=STDOUT)
        assert await process.communicate(b"x" * 1_000_000) == (b"", None)
        assert process.returncode == 0


@on_loop
async def test_a_conversation(loop):
    async with nothing_left(loop):
        process = await asyncio.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE, stderr=DEVNULL)
        for number in range(20):
            line = b"line %d\n" % number
            process.stdin.write(line)
            await process.stdin.drain()
            assert await process.stdout.readline() == line
        process.stdin.close()
        await process.stdin.wait_closed()
        assert await process.stdout.read() == b""
        assert await process.wait() == 0


@on_loop
async def test_the_output_is_not_read_for_a_while(loop):
    """The reader pauses the pipe, the child waits, nothing is lost."""
    async with nothing_left(loop):
        process = await asyncio.create_subprocess_exec(
            "head", "-c", "1000000", "/dev/zero", stdout=PIPE, limit=1000
        )
        await turns(20)
        assert await process.stdout.read() == bytes(1_000_000)
        assert await process.wait() == 0


@on_loop
async def test_signals(loop):
    async with nothing_left(loop):
        for method, number in ("terminate", signal.SIGTERM), ("kill", signal.SIGKILL):
            process = await asyncio.create_subprocess_exec("sleep", "100", stdout=PIPE)
            getattr(process, method)()
            assert await process.wait() == -number
            assert await process.stdout.read() == b""
            await turns(3)
            with pytest.raises(ProcessLookupError):
                getattr(process, method)()


@on_loop
async def test_waiting_is_cancelled(loop):
    async with nothing_left(loop):
        process = await asyncio.create_subprocess_exec("sleep", "100")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(process.wait(), 0.001)
        waiting = [loop.create_task(process.wait()) for _ in range(3)]
        await turns(1)
        waiting[1].cancel()
        process.kill()
        assert await waiting[0] == await waiting[2] == -9
        assert waiting[1].cancelled()


@pytest.mark.tulipa_only  # the standard loop does so since 3.15
@on_loop
async def test_waiting_does_not_wait_for_a_grandchild(loop):
    """What the child has started holds its output; the child's end is the child's end (gh-119710)."""
    async with nothing_left(loop):
        process = await asyncio.create_subprocess_shell("sleep 100 & echo $!", stdout=PIPE)
        grandchild = int(await process.stdout.readline())
        assert await process.wait() == 0
        assert process._transport.get_returncode() == 0
        os.kill(grandchild, signal.SIGKILL)
        assert await process.stdout.read() == b""


@on_loop
async def test_communicate_is_cancelled(loop):
    async with nothing_left(loop):
        process = await asyncio.create_subprocess_exec("sleep", "1000", stdin=PIPE, stdout=PIPE)
        task = loop.create_task(process.communicate(b"x" * 100))
        await turns(3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        process.kill()
        await process.wait()
        await turns(3)


@on_loop
async def test_many_conversations_at_once(loop):
    async def one(number):
        data = bytes([number]) * 100_000
        process = await asyncio.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE)
        return await process.communicate(data) == (data, None)

    async with nothing_left(loop):
        assert all(await asyncio.gather(*map(one, range(50))))


@on_loop
async def test_a_pipe_between_two_children(loop):
    async with nothing_left(loop):
        reader, writer = os.pipe()
        first = await asyncio.create_subprocess_exec("echo", "from the first", stdout=writer)
        os.close(writer)
        second = await asyncio.create_subprocess_exec("cat", stdin=reader, stdout=PIPE)
        os.close(reader)
        output, _ = await second.communicate()
        assert output == b"from the first\n"
        assert await first.wait() == 0


@pytest.mark.parametrize("debug", ["0", "1"])
def test_a_whole_program(loop_factory, debug):
    """No watcher, no policy, no main thread is needed; nothing is complained about at the end."""
    result = run_source(
        f"""
        import asyncio, threading

        async def main():
            process = await asyncio.create_subprocess_shell(
                "cat; exit 3", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
            print(await process.communicate(b"hello"), process.returncode)
            process = await asyncio.create_subprocess_exec("sleep", "0")
            print(await process.wait())

        def run():
            with asyncio.Runner(loop_factory={loop_factory.expression}) as runner:
                runner.run(main())

        run()
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        """,
        options=["-X", "dev", "-W", "error"], PYTHONASYNCIODEBUG=debug,
    )
    assert result.stdout == "(b'hello', None) 3\n0\n" * 2
    if debug == "0" or not loop_factory.is_std:
        assert "Warning" not in result.stderr
        assert "Traceback" not in result.stderr
    assert result.returncode == 0


def test_an_interrupted_program_leaves_no_child(loop_factory):
    """asyncio.run() cancels what waits for a child; the child is killed by who cares for it."""
    result = run_source(
        f"""
        import asyncio, os, signal

        async def main():
            process = await asyncio.create_subprocess_exec("sleep", "100")
            print(process.pid)
            asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGINT)
            try:
                await process.wait()
            except asyncio.CancelledError:
                process.kill()
                print(await process.wait())
                raise

        try:
            with asyncio.Runner(loop_factory={loop_factory.expression}) as runner:
                runner.run(main())
        except KeyboardInterrupt:
            print("interrupted")
        """,
    )
    _, *rest = result.stdout.split()
    assert rest == ["-9", "interrupted"], result.stderr
    assert result.returncode == 0


@pytest.mark.tulipa_only
def test_the_child_of_a_forked_copy_is_left_alone(loop_factory):
    """A copy of the process drops its copy of the transport: that is no reason to kill the child."""
    result = run_source(
        f"""
        import asyncio, gc, os, warnings

        async def main():
            loop = asyncio.get_running_loop()
            transport, protocol = await loop.subprocess_exec(asyncio.SubprocessProtocol, "sleep", "100")
            warnings.simplefilter("ignore")
            pid = os.fork()
            if pid == 0:
                type(transport).__del__(transport)
                os._exit(0)
            os.waitpid(pid, 0)
            print(os.waitid(os.P_PID, transport.get_pid(), os.WEXITED | os.WNOHANG | os.WNOWAIT))
            transport.close()
            print(await transport._wait())

        with asyncio.Runner(loop_factory={loop_factory.expression}) as runner:
            runner.run(main())
        """,
    )
    assert result.stdout.split() == ["None", "-9"], result.stderr
