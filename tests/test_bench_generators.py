"""The generators of the benchmark for visits, crowds, datagrams and downloads tell the truth, and so do the limits."""

import contextlib
import os
import socket
import sys
import textwrap
import threading

import pytest
from helpers.benchmarks import drive, program

from bench import certificate, native
from bench.contenders import by_name
from bench.machine import Cores, allow_descriptors
from bench.process import ask, child_command, serving, settle
from bench.row import Failed, Settings, Skipped
from bench.rows import all_rows, select

SIZE = 1024


@contextlib.contextmanager
def in_thread(serve, kind=socket.SOCK_STREAM):
    """`serve(listener)` in a thread, which is to end by itself when the listener times out or is closed; its port."""
    def quietly():
        with contextlib.suppress(OSError):       # the generator is gone, or the block has ended
            serve(listener)

    with socket.socket(socket.AF_INET, kind) as listener:
        listener.settimeout(10)
        listener.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            listener.listen()
        thread = threading.Thread(target=quietly)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join()


# --- visits ---

def visited(answer, *, until_closed=True):
    """A server that answers one message on each connection and closes, after the client's end of file."""
    def serve(listener):
        while True:
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as incoming:
                connection.sendall(answer(incoming.read(SIZE)))
                if until_closed:
                    incoming.read()

    return serve


def test_visits_are_counted():
    with in_thread(visited(lambda message: message)) as port:
        result = drive(program("visits"), port, 1, SIZE)
    assert result["requests"] > 0
    assert result["server_cpu"] > 0
    assert 0 < result["p50_us"] <= result["max_us"] * 1.04


@pytest.mark.parametrize("answer, complaint", [
    (lambda message: b"?" * SIZE, r"message \d+: wrong byte at offset 0"),
    (lambda message: message + b"!", r"1025 bytes came back, more than the 1024 sent"),
    (lambda message: message[:9], r"closed by the server after 9 of 1024 bytes"),
], ids=["other bytes", "byte too many", "early close"])
def test_wrong_visits_are_errors(answer, complaint):
    with (in_thread(visited(answer, until_closed=False)) as port,
          pytest.raises(Failed, match=complaint)):
        drive(program("visits"), port, 1, SIZE, seconds=5)


# --- the crowd ---

def test_the_crowd_weighs_what_the_server_keeps():
    heavy = []

    def serve(listener):
        for _ in range(20 + 50):
            connection, _ = listener.accept()
            heavy.append((connection, bytes([len(heavy)]) * 65536))
            connection.sendall(connection.recv(SIZE, socket.MSG_WAITALL))

    with in_thread(serve) as port:
        result = ask([str(part) for part in (program("crowd"), port, 50, SIZE, os.getpid())], None)
    for connection, _ in heavy:
        connection.close()
    assert result["connections"] == 50
    assert 0.5 <= (result["after"] - result["before"]) / (50 * 65536) <= 4


def test_the_crowd_needs_answers():
    def serve(listener):
        connection, _ = listener.accept()
        with connection:
            connection.sendall(connection.recv(SIZE, socket.MSG_WAITALL)[:-1])

    with in_thread(serve) as port, pytest.raises(Failed, match="connection 0: 1023 of 1024 bytes came back"):
        ask([str(part) for part in (program("crowd"), port, 50, SIZE, os.getpid())], None)


def test_descriptors_are_allowed_up_to_the_hard_limit():
    assert allow_descriptors(64) >= 64                           # there were more already
    assert allow_descriptors(2**40) < 2**40


# --- datagrams ---

def echoing(answer):
    """A UDP server; `answer(number, message)` gives the datagrams to send back."""
    def serve(server):
        number = 0
        while message_and_peer := server.recvfrom(2 * SIZE):
            message, peer = message_and_peer
            if not message:
                return
            for reply in answer(number, message):
                server.sendto(reply, peer)
            number += 1

    return serve


@contextlib.contextmanager
def datagrams_in_thread(answer):
    with in_thread(echoing(answer), socket.SOCK_DGRAM) as port:
        try:
            yield port
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", ("127.0.0.1", port))


def test_datagrams_are_counted_and_lost_ones_sent_again():
    dropped = {3, 8}
    with datagrams_in_thread(lambda number, message: [] if number in dropped else [message]) as port:
        result = drive(program("datagrams"), port, 2, SIZE, seconds=0.4)
    assert result["requests"] > 10
    assert result["lost"] == 2


def test_datagrams_that_come_twice_count_once():
    answered = 0

    def twice(number, message):
        nonlocal answered
        answered = number + 1
        return [message, message]

    with datagrams_in_thread(twice) as port:
        result = drive(program("datagrams"), port, 3, SIZE)
    assert 0 < result["requests"] <= answered
    assert result["lost"] == 0


@pytest.mark.parametrize("answer, complaint", [
    (lambda number, message: [message[:-1] + bytes([message[-1] ^ 1])], "wrong byte at offset 1023"),
    (lambda number, message: [message[:-1]], "a datagram of 1023 bytes came back, 1024 were sent"),
    (lambda number, message: [message + b"!"], "a datagram of 1025 bytes came back, 1024 were sent"),
    (lambda number, message: [b"\xff" * SIZE], "a datagram came back that was never sent"),
], ids=["changed byte", "cut", "too long", "foreign"])
def test_wrong_datagrams_are_errors(answer, complaint):
    with datagrams_in_thread(answer) as port, pytest.raises(Failed, match=complaint):
        drive(program("datagrams"), port, 2, SIZE, seconds=5)


# --- downloads ---

def sending(size):
    def serve(listener):
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(bytes(size))

    return serve


def test_downloads_are_counted():
    with in_thread(sending(1 << 20)) as port:
        result = drive(program("downloads"), port, 1 << 20)
    assert result["requests"] >= 1
    assert result["server_cpu"] > 0


@pytest.mark.parametrize("size, complaint", [(1000, "1000 bytes came instead of 4096"), (5000, "5000 bytes came")])
def test_downloads_of_another_size_are_errors(size, complaint):
    with in_thread(sending(size)) as port, pytest.raises(Failed, match=complaint):
        drive(program("downloads"), port, 4096)


# --- the limits, and the standard loop's servers ---

@pytest.mark.parametrize("name", ["tls-protocol-10x1KiB", "tls-streams-10x64KiB", "tls-handshakes", "datagrams-10x1KiB",
                                  "visits", "children-one-by-one"])
@pytest.mark.parametrize("contender", ["c", "std"])
def test_rows_measure(name, contender):
    [row] = select([name], all_rows())
    if reason := row.unavailable():
        pytest.skip(reason)
    assert measured(row, by_name(contender)).value > 0


def measured(row, contender, seconds=0.05):
    """A sample, of a longer window where the machine is so busy that nothing was completed in a short one."""
    try:
        return row.measure(contender, Settings(seconds, 0.01, Cores(None, None)))
    except Failed as failure:
        if "no request was completed" not in str(failure) or seconds > 5:
            raise
        return measured(row, contender, 10 * seconds)


@pytest.mark.parametrize("contender", ["c", "std"])
def test_sendfile_is_measured(contender, tmp_path):
    file = tmp_path / "file"
    file.write_bytes(bytes(300_000))
    command = {"c": lambda: [str(program("send_file")), str(file)],
               "std": lambda: child_command("serve", "std", "sendfile", file)}[contender]()
    with serving(command, None) as server:
        result = drive(program("downloads"), server.answer["port"], 300_000, pid=server.pid)
        server.check()
    assert result["requests"] >= 1


def test_server_that_lacks_something_is_skipped(tmp_path):
    """What fails only when a connection is there is told by the exception handler."""
    (tmp_path / "file").touch()
    program_text = textwrap.dedent(f"""
        import asyncio
        from bench import child, contenders

        async def lacks(*arguments, **options):
            raise NotImplementedError("no files")

        async def main():
            asyncio.get_running_loop().sendfile = lacks
            await child.main(contenders.by_name("std"), child.serve("sendfile", {str(tmp_path / "file")!r}))

        asyncio.run(main())""")
    with pytest.raises(Skipped, match="no files"), serving([sys.executable, "-c", program_text], None) as server:
        with pytest.raises(Failed):
            drive(program("downloads"), server.answer["port"], 100, pid=server.pid)
        settle(server, 10)


# --- what the machine lacks ---

def test_a_missing_library_is_named(tmp_path, monkeypatch):
    program("load")                                              # else there is no compiler at all
    monkeypatch.setattr(native, "CACHE", tmp_path)
    monkeypatch.setitem(native.RECIPES, "load_tls", ("load.c", "measure.c", "wire_plain.c", "-lssl", "-lno_such_thing"))
    with pytest.raises(native.NoCompiler, match="could not compile load_tls"):
        native.program("load_tls")
    (tmp_path / "wire_tls.c").write_text("#include <openssl/no_such_header.h>\n")
    monkeypatch.setitem(native.RECIPES, "load_tls", (str(tmp_path / "wire_tls.c"), *native.OPENSSL))
    with pytest.raises(native.NoCompiler, match="needs OpenSSL's library with its headers"):
        native.program("load_tls")
    [row] = select(["tls-protocol-10x1KiB"], all_rows())
    assert "libssl-dev" in row.unavailable()


def test_a_certificate_needs_trustme(monkeypatch):
    monkeypatch.setattr(certificate.importlib.util, "find_spec", lambda name: None)
    assert certificate.missing() == "needs trustme for a certificate: pip install trustme"
