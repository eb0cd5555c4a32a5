"""The benchmark's generator says and expects the right bytes in each dialect; so do the servers, and the store."""

import asyncio
import contextlib
import socket
import sys
import threading

import pytest
from helpers.benchmarks import drive, program

from bench.contenders import by_name
from bench.machine import Cores
from bench.process import ask, child_command, serving, settle
from bench.row import Failed, Settings, Skipped
from bench.rows import all_rows, select
from bench.workloads import redis

pytestmark = pytest.mark.xdist_group("bench")

SIZE = 200
SECONDS = 0.05


def talk(dialect, answer, *, size=SIZE):
    """What the generator measures of a server that answers what it reads from a file by `answer(incoming)`."""
    def conversation():
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as incoming, contextlib.suppress(ConnectionError):
            while reply := answer(incoming):
                connection.sendall(reply)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        thread = threading.Thread(target=conversation)
        thread.start()
        try:
            return drive(program("load"), listener.getsockname()[1], 1, size, dialect=dialect, seconds=SECONDS)
        finally:
            thread.join()


# --- lines and lengths ---

def test_each_line_ends_once():
    seen = []

    def answer(incoming):
        seen.append(incoming.readline())
        return seen[-1]

    assert talk("lines", answer)["requests"] > 0
    assert {len(line) for line in seen if line} == {SIZE}
    assert len(set(seen)) > 1


def test_lengths_tell_what_follows():
    seen = []

    def answer(incoming):
        prefix = incoming.read(4)
        seen.append(prefix)
        return prefix + incoming.read(int.from_bytes(prefix))

    assert talk("lengths", answer)["requests"] > 0
    assert set(seen) == {(SIZE - 4).to_bytes(4), b""}


def test_a_changed_line_is_an_error():
    with pytest.raises(Failed, match=f"wrong byte at offset {SIZE - 1} "):
        talk("lines", lambda incoming: incoming.readline()[:-1] + b"!")


def test_there_are_no_other_dialects():
    with pytest.raises(Failed, match="there is no dialect latin"):
        drive(program("load"), 1, 1, SIZE, dialect="latin")


# --- HTTP ---

def http(reply):
    """Answer each request by `reply`."""
    def answer(incoming):
        line = b"?"
        while line not in (b"", b"\r\n"):
            line = incoming.readline()
        return reply if line else b""

    return answer


HELLO = b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 13\r\n\r\nHello, world!"


def test_hello_is_measured():
    assert talk("http", http(HELLO))["requests"] > 0


@pytest.mark.parametrize("reply, complaint", [
    (HELLO.replace(b"200 OK", b"500 Oh"), "the answer is HTTP/1.1 500 Oh"),
    (HELLO.replace(b"13", b"14"), "a body of 14 bytes is announced instead of 13"),
    (HELLO.replace(b"Content-Length: 13", b"X: y"), "does not tell its length"),
    (HELLO.replace(b"world", b"there"), "wrong byte at offset 7"),
    (HELLO + b"!", "14 bytes came back, more than the 13 expected"),
    (b"x" * 5000, "no end of the answer's head"),
], ids=["status", "length", "no length", "body", "too long", "no head"])
def test_wrong_hellos_are_errors(reply, complaint):
    with pytest.raises(Failed, match=complaint):
        talk("http", http(reply))


# --- WebSocket ---

ACCEPT = (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")


def frame_of(incoming):
    """Opcode and payload of one masked frame, or None."""
    head = incoming.read(2)
    if len(head) < 2:
        return None
    size = head[1] & 127
    if size > 125:
        size = int.from_bytes(incoming.read(2 if size == 126 else 8))
    mask = incoming.read(4)
    return head[0], bytes(byte ^ mask[i % 4] for i, byte in enumerate(incoming.read(size)))


def websocket(change=lambda payload: payload, accept=ACCEPT):
    shake = http(accept)
    rounds = []

    def answer(incoming):
        rounds.append(1)
        if len(rounds) == 1:
            return shake(incoming)
        frame = frame_of(incoming)
        if frame is None or frame[0] == 0x88:
            return b""
        payload = change(frame[1])
        size = len(payload)
        extra = b"" if size < 126 else size.to_bytes(2) if size < 65536 else size.to_bytes(8)
        return bytes([0x82, {0: size, 2: 126, 8: 127}[len(extra)]]) + extra + payload

    return answer


@pytest.mark.parametrize("size", [100, 200, 70_000])
def test_frames_are_measured(size):
    assert talk("websocket", websocket(), size=size)["requests"] > 0


def test_a_changed_frame_is_an_error():
    with pytest.raises(Failed, match="wrong byte at offset"):
        talk("websocket", websocket(lambda payload: payload[::-1]))


def test_a_refused_handshake_is_an_error():
    with pytest.raises(Failed, match="the handshake is refused: HTTP/1.1 403 No"):
        talk("websocket", websocket(accept=b"HTTP/1.1 403 No\r\n\r\n"))


# --- the store ---

def test_the_client_gets_what_it_stored():
    async def main(port):
        client = redis.Client(*await asyncio.open_connection("127.0.0.1", port))
        client.get("key:7")
        client.set("key:7", "seven")
        client.set("key:8", "")
        client.get("key:8")
        client.get("key:7")
        answers = await client.execute()
        done = await client.work(100, 50)
        client.close()
        return answers, done

    with serving([str(program("store"))], None) as store:
        answers, done = asyncio.run(main(store.answer["port"]))
        store.check()
    assert answers == [None, "OK", "OK", "", "seven"]
    assert done == 60                                            # whole pipelines of twenty


@pytest.mark.parametrize("command, complaint", [
    (b"*2\r\n$3\r\nDEL\r\n$5\r\nkey:1\r\n", "the client sent the command DEL of 2 parts"),
    (b"*2\r\n$3\r\nGET\r\n$7\r\nkey:-99\r\n", "the client asked for the key key:-99"),
    (b"PING\r\n", r"the client sent PING where \*<number> belongs"),
], ids=["command", "key", "inline"])
def test_the_store_refuses_the_rest(command, complaint):
    with serving([str(program("store"))], None) as store, pytest.raises(Failed, match=complaint):
        with socket.create_connection(("127.0.0.1", store.answer["port"]), timeout=10) as connection:
            connection.sendall(command)
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(100) == b""
        settle(store, 10)


# --- the rows ---

@pytest.mark.parametrize("name", ["lines-10x128B", "lengths-10x1KiB", "unix-streams-10x1KiB", "aiohttp-hello",
                                  "uvicorn-hello", "websocket-echo", "redis-client", "queue", "lock", "event",
                                  "semaphore", "condition", "spawn_many", "task_group", "eager", "timeout", "wait_for",
                                  "call_soon_threadsafe", "run_in_executor", "task-memory", "import", "first-loop"])
@pytest.mark.parametrize("contender", ["std", "tulipa-full"])
def test_rows_measure(name, contender, monkeypatch):
    monkeypatch.delenv("PYTHONDEVMODE", raising=False)  # with which all takes long
    [row] = select([name], all_rows())
    if reason := row.unavailable() or row.refuses(by_name(contender)):
        pytest.skip(reason)
    if name == "eager" and contender == "std" and not hasattr(asyncio, "eager_task_factory"):
        with pytest.raises(Skipped, match="Python 3.12"):
            row.measure(by_name(contender), Settings(SECONDS, 0.01, Cores(None, None)))
        return
    sample = row.measure(by_name(contender), Settings(SECONDS, 0.01, Cores(None, None)))
    assert sample.value > 0


def test_full_mode_is_really_on():
    facts = ask(child_command("probe", "tulipa-full"), None)
    assert facts["loop"] == "tulipa.loop.EventLoop"
    with pytest.raises(Failed, match="tulipa-full was started with asyncio.queues in the place of asyncio's"):
        ask([sys.executable, "-m", "bench.child", "probe", "tulipa-full"], None)
