"""PEP 3156: datagram endpoints, pipes and subprocesses, their transports and protocols."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading

import pytest
from helpers import datagrams
from helpers.children import ChildRecorder, is_reaped, running
from helpers.pipes import reading, take, take_all, writing
from helpers.running import on_loop, turns
from helpers.streams import LOOPBACK, Recorder, closed
from helpers.traces import on_one_loop
from hypothesis import given
from hypothesis import strategies as st

PYTHON = (sys.executable, "-S", "-c")


# --- create_datagram_endpoint, Datagram Transports, Datagram Protocols ------------------------------------


@on_loop
async def test_an_endpoint_is_client_and_server(loop):
    async with datagrams.endpoint(loop, datagrams.Echo()) as server, datagrams.endpoint(loop) as client:
        assert client.transport.sendto(b"hello", datagrams.address(server)) is None
        assert await client.datagrams(1) == [b"hello"]
        assert client.received == [(b"hello", datagrams.address(server))]
        assert server.received == [(b"hello", datagrams.address(client))]


@pytest.mark.std_since(3, 12)
@on_loop
async def test_the_transport_is_a_datagram_transport(loop):
    async with datagrams.endpoint(loop) as endpoint:
        assert isinstance(endpoint.transport, asyncio.DatagramTransport)


@on_loop
async def test_the_datagram_factory_is_called_exactly_once(loop):
    made = []
    protocol = datagrams.Recorder()
    async with datagrams.endpoint(loop, protocol):
        transport, got = await loop.create_datagram_endpoint(
            lambda: made.append(datagrams.Recorder()) or made[-1], local_addr=(LOOPBACK, 0)
        )
        assert made == [got]
        await got.saw("made")
        assert got.transport is transport
        transport.close()
        assert await got.lost() is None
        await closed(transport)
    assert got.events == ["made", "lost"]


@on_loop
async def test_remote_addr_is_the_default_destination(loop):
    async with datagrams.endpoint(loop) as server:
        remote = datagrams.address(server)
        async with datagrams.endpoint(loop, remote_addr=remote) as client:
            client.transport.sendto(b"by default")
            client.transport.sendto(b"the same", remote)
            assert await server.datagrams(2) == [b"by default", b"the same"]
            with pytest.raises(ValueError):
                client.transport.sendto(b"elsewhere", (LOOPBACK, remote[1] ^ 1))
            assert client.transport.get_extra_info("peername") == remote


@on_loop
async def test_local_and_remote_addresses_have_to_match_in_family(loop):
    with pytest.raises(ValueError):
        await loop.create_datagram_endpoint(datagrams.Recorder, local_addr=(LOOPBACK, 0), remote_addr=("::1", 9))
    with pytest.raises(ValueError):
        await loop.create_datagram_endpoint(datagrams.Recorder)
    async with datagrams.endpoint(loop, family=socket.AF_INET) as unbound:
        assert unbound.transport.get_extra_info("sockname")[1] == 0


@on_loop
async def test_local_addresses_of_an_endpoint_are_tried_in_turn(loop):
    async def getaddrinfo(host, port, **options):
        # The first is for documentation: no interface has it.
        return [(socket.AF_INET, socket.SOCK_DGRAM, 0, "", (host, 0)) for host in ("192.0.2.1", LOOPBACK)]

    loop.getaddrinfo = getaddrinfo
    async with datagrams.endpoint(loop, local_addr=("name.example", 0)) as endpoint:
        assert datagrams.address(endpoint)[0] == LOOPBACK


@on_one_loop
@given(st.lists(st.binary(min_size=1, max_size=500), max_size=10))
def test_datagrams_keep_their_borders_and_their_order_on_one_host(loop, contents):
    async def main():
        async with datagrams.endpoint(loop) as server, datagrams.endpoint(loop) as client:
            for content in contents:
                client.transport.sendto(content, datagrams.address(server))
            assert await server.datagrams(len(contents)) == contents
            assert server.events == ["made"] + ["datagram"] * len(contents)

    loop.run_until_complete(main())


@on_loop
async def test_error_received_gets_the_error_and_the_endpoint_goes_on(loop):
    with datagrams.bare_socket() as gone:
        nobody = gone.getsockname()
    async with datagrams.endpoint(loop, remote_addr=nobody) as client:
        client.transport.sendto(b"to nobody")
        await client.saw("error")
        assert isinstance(client.errors[0], ConnectionRefusedError)
        assert not client.transport.is_closing() and "lost" not in client.events


@on_loop
async def test_close_sends_what_is_buffered_and_abort_does_not_wait(loop):
    for end in ("close", "abort"):
        async with datagrams.endpoint(loop) as server:
            transport, protocol = await loop.create_datagram_endpoint(
                datagrams.Recorder, remote_addr=datagrams.address(server)
            )
            if end == "close":
                for number in range(20):
                    transport.sendto(b"%d" % number)
                transport.close()
                assert await server.datagrams(20) == [b"%d" % number for number in range(20)]
            else:
                transport.abort()
            assert await protocol.lost() is None
            await closed(transport)
            assert protocol.events == ["made", "lost"]


@on_loop
async def test_sendto_takes_bytes_only(loop):
    async with datagrams.endpoint(loop) as endpoint:
        with pytest.raises(TypeError):
            endpoint.transport.sendto("text", datagrams.address(endpoint))


# --- Pipes, Unidirectional Stream Transports --------------------------------------------------------------


@on_loop
async def test_connect_read_pipe_gives_a_read_transport(loop):
    async with reading(loop) as (transport, protocol, writer):
        assert isinstance(transport, asyncio.ReadTransport) and not isinstance(transport, asyncio.WriteTransport)
        writer.write(b"data")
        assert await protocol.received(4) == b"data"
        transport.pause_reading()
        writer.write(b"more")
        await turns(4)
        assert protocol.data == b"data"
        transport.resume_reading()
        assert await protocol.received(8) == b"datamore"
        writer.close()
        assert await protocol.lost() is None
        assert [event for event in protocol.events if event != "data"] == ["made", "eof", "lost"]


@on_loop
async def test_connect_write_pipe_gives_a_write_transport(loop):
    async with writing(loop) as (transport, protocol, reader):
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(b"data")
        transport.writelines([b" and", b" more"])
        assert await take(loop, reader, 13) == b"data and more"
        assert transport.can_write_eof() is True
        transport.write(b" at the end")
        transport.write_eof()
        assert await take_all(loop, reader) == b" at the end"
        assert await protocol.lost() is None
        assert protocol.events == ["made", "lost"]


@pytest.mark.tulipa_only  # the standard library's has the names, which raise NotImplementedError
@on_loop
async def test_a_write_pipe_transport_has_no_methods_for_reading(loop):
    async with writing(loop) as (transport, _, _):
        assert not isinstance(transport, asyncio.ReadTransport)
        assert not hasattr(transport, "pause_reading") and not hasattr(transport, "resume_reading")


@on_loop
async def test_pipe_factories_are_called_exactly_once(loop):
    calls = []

    def factory():
        calls.append(Recorder())
        return calls[-1]

    reading_end, writing_end = os.pipe()
    reader, writer = open(reading_end, "rb", 0), open(writing_end, "wb", 0)
    transport, protocol = await loop.connect_read_pipe(factory, reader)
    writing_transport, writing_protocol = await loop.connect_write_pipe(factory, writer)
    assert calls == [protocol, writing_protocol]
    transport.close()
    writing_transport.close()
    await protocol.lost()
    await writing_protocol.lost()


# --- Subprocesses -----------------------------------------------------------------------------------------


@on_loop
async def test_subprocess_exec_takes_several_strings(loop):
    async with running(loop, *PYTHON, "import sys; print(sys.argv[1:])", "one", "two words") as (transport, protocol):
        assert isinstance(transport, asyncio.SubprocessTransport)
        assert isinstance(protocol, asyncio.SubprocessProtocol)
        await protocol.saw("lost")
        assert protocol.data[1] == b"['one', 'two words']\n"


@on_loop
async def test_subprocess_shell_takes_one_string_of_the_shell_s(loop):
    transport, protocol = await loop.subprocess_shell(ChildRecorder, "echo out; echo err >&2; exit 3")
    await protocol.lost()
    assert (protocol.data[1], protocol.data[2]) == (b"out\n", b"err\n")
    assert transport.get_returncode() == 3
    for wrong in ({"shell": False}, {"universal_newlines": True}, {"bufsize": 1}):
        with pytest.raises(ValueError):
            await loop.subprocess_shell(ChildRecorder, "true", **wrong)
    transport.close()


@on_loop
async def test_pipes_are_the_default_of_all_three(loop):
    async with running(loop, "cat") as (transport, protocol):
        assert isinstance(transport.get_pipe_transport(0), asyncio.WriteTransport)
        for fd in (1, 2):
            assert isinstance(transport.get_pipe_transport(fd), asyncio.ReadTransport)
        assert transport.get_pipe_transport(3) is None
        transport.get_pipe_transport(0).write(b"through the child")
        await protocol.until(lambda: len(protocol.data[1]) == 17)
        transport.get_pipe_transport(0).write_eof()
        await protocol.saw("lost")
        assert transport.get_returncode() == 0


@on_loop
async def test_stderr_may_go_to_stdout_and_files_may_be_given(loop, tmp_path):
    shell = "echo out; echo err >&2"
    transport, protocol = await loop.subprocess_shell(ChildRecorder, shell, stderr=subprocess.STDOUT, stdin=None)
    await protocol.lost()
    assert protocol.data[1] == b"out\nerr\n" and transport.get_pipe_transport(2) is None
    assert transport.get_pipe_transport(0) is None
    transport.close()
    with open(tmp_path / "out", "wb") as out:
        transport, protocol = await loop.subprocess_shell(ChildRecorder, shell, stdout=out, stderr=subprocess.DEVNULL)
        await protocol.lost()
    assert (tmp_path / "out").read_bytes() == b"out\n"
    transport.close()


@on_loop
async def test_other_options_are_passed_to_popen(loop, tmp_path):
    options = {"cwd": tmp_path, "env": {"NAME": "value"}, "start_new_session": True, "executable": "/bin/sh"}
    async with running(loop, "named", "-c", "echo $0 $NAME $PWD; ps -o sid= -p $$", **options) as (transport, protocol):
        await protocol.saw("lost")
        name, value, directory, session = protocol.data[1].split()
        assert (value, directory) == (b"value", os.fsencode(os.path.realpath(tmp_path)))
        assert name in (b"named", b"/bin/sh") and int(session) == transport.get_pid()


@on_loop
async def test_pid_and_returncode(loop):
    async with running(loop, "cat") as (transport, protocol):
        os.kill(transport.get_pid(), 0)
        assert transport.get_returncode() is None
        transport.get_pipe_transport(0).close()
        await protocol.saw("exited")
        assert transport.get_returncode() == 0


@pytest.mark.parametrize(
    "end, number",
    [
        (lambda transport: transport.terminate(), signal.SIGTERM),
        (lambda transport: transport.kill(), signal.SIGKILL),
        (lambda transport: transport.send_signal(signal.SIGINT), signal.SIGINT),
    ],
    ids=["terminate", "kill", "send_signal"],
)
def test_signals_to_a_child_wrap_those_of_subprocess(loop, end, number):
    async def main():
        async with running(loop, "sleep", "3600") as (transport, protocol):
            assert end(transport) is None
            await protocol.lost()
            assert transport.get_returncode() == -number
            with pytest.raises(ProcessLookupError):
                transport.send_signal(signal.SIGTERM)

    loop.run_until_complete(main())


@on_loop
async def test_close_ends_the_child(loop):
    transport, protocol = await loop.subprocess_exec(ChildRecorder, "sleep", "3600")
    pid = transport.get_pid()
    transport.close()
    assert await protocol.lost() is None
    assert transport.get_returncode() in (-signal.SIGKILL, -signal.SIGTERM)
    assert is_reaped(pid)


@on_loop
async def test_the_order_of_a_child_s_events_is_its_own(loop):
    """All pipes closed before the exit, and the exit before the pipes: connection_lost comes after all of it."""
    closing = "import os; [os.close(fd) for fd in (0, 1, 2)]; os.read(int(os.environ['FD']), 1)"
    held, release = os.pipe()
    async with running(loop, *PYTHON, closing, pass_fds=[held], env={"FD": str(held)}) as (_, protocol):
        await protocol.saw("pipe 1 lost")
        await protocol.saw("pipe 2 lost")
        assert "exited" not in protocol.events
        os.write(release, b"x")
        await protocol.saw("exited")
        await protocol.lost()
    async with running(loop, "sh", "-c", "sleep 3600 & echo $!; exit 0") as (_, protocol):
        await protocol.saw("exited")
        assert "pipe 1 lost" not in protocol.events and "lost" not in protocol.events
        await protocol.saw("data")
        os.kill(int(protocol.data[1]), signal.SIGKILL)
        await protocol.lost()
        assert {fd: error for fd, error in protocol.pipe_errors.items() if fd} == {1: None, 2: None}
    os.close(held)
    os.close(release)


@on_loop
async def test_a_program_that_is_not_there_raises(loop):
    with pytest.raises(FileNotFoundError):
        await loop.subprocess_exec(ChildRecorder, "/nonexistent/program")


def test_children_in_other_threads_are_noticed_too(loop_factory):
    def run():
        loop = loop_factory()
        try:
            seen.append(loop.run_until_complete(main(loop)))
        finally:
            loop.close()

    async def main(loop):
        async with running(loop, "true") as (transport, protocol):
            await protocol.lost()
            return transport.get_returncode()

    seen = []
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [0]
