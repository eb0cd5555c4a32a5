"""The examples run unmodified on either loop, and the demo notices each wrong byte."""

import ast
import http.client
import importlib.util
import json
import shutil
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, suppress
from itertools import islice
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the demo isn't installed

from demo import shop, websocket  # noqa: E402
from demo.checks import check_all  # noqa: E402
from demo.client import Small, transfer  # noqa: E402
from demo.exchange import Mismatch  # noqa: E402
from demo.server import STANDARD, TULIPA, Contender, Server, ServerFailed, cpu_seconds  # noqa: E402
from demo.workloads import workloads  # noqa: E402

pytestmark = pytest.mark.xdist_group("demo")  # a server for each contender, not for each worker

ARCHIVE_MEBIBYTES = 8
PROGRAMS = sorted((ROOT / "examples").glob("*.py"))


def needs(package):
    missing = importlib.util.find_spec(package) is None
    return pytest.mark.skipif(missing, reason=f"{package} isn't installed")


contenders = pytest.mark.parametrize(
    "contender", [STANDARD, pytest.param(TULIPA, marks=needs("tulipa"))], ids=lambda contender: contender.name
)


@pytest.fixture(scope="module")
def servers():
    """Start the application on a contender at its first use; stop them all at the end, which must go well."""
    running = {}
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.delenv("PYTHONDEVMODE", raising=False)  # with which loops tell of what takes long

        def get(contender):
            if contender not in running:
                server = Server(contender, shop.APPLICATION, "--archive-mib", str(ARCHIVE_MEBIBYTES))
                running[contender] = stack.enter_context(server)
            return running[contender]

        yield get
        assert [server.errors() for server in running.values()] == [""] * len(running)


# -- the application ---------------------------------------------------------------------------------------


@needs("aiohttp")
@contenders
def test_every_route_gives_what_it_must(servers, contender):
    server = servers(contender)
    assert check_all(server.address, ARCHIVE_MEBIBYTES) > 40


@needs("aiohttp")
@contenders
@pytest.mark.parametrize("name", list(workloads(ARCHIVE_MEBIBYTES)))
def test_workload_over_all_its_connections(servers, contender, name):
    server, job = servers(contender), workloads(ARCHIVE_MEBIBYTES)[name]
    before = cpu_seconds(server.pid)
    with job.kind(server.address, job.connections) as group:
        opened = group.run([job.opening] * job.connections)
        latencies = group.run([islice(job.script(i), 3) for i in range(job.connections)])
    assert len(opened) == len(job.opening) * job.connections
    assert len(latencies) == 3 * job.connections
    assert min(latencies) > 0
    assert cpu_seconds(server.pid) > before


@needs("aiohttp")
def test_tampered_application_is_caught(tmp_path):
    application = tampered_copy(tmp_path)
    with Server(STANDARD, application, "--archive-mib", "1") as server:
        with pytest.raises(Mismatch, match="^GET /flowers: the body differs from byte .* got b'541"):
            check_all(server.address, 1)


@needs("aiohttp")
@needs("rich")
@needs("tulipa")
def test_demo_ends_with_status_1_on_a_wrong_reply(tmp_path, monkeypatch, capsys):
    from demo import __main__ as command

    monkeypatch.setattr(command, "APPLICATION", tampered_copy(tmp_path))
    monkeypatch.setattr(command, "ARCHIVE_MEBIBYTES", 1)
    monkeypatch.setattr(sys, "argv", ["demo", "--quick"])
    assert command.main() == 1
    assert "wrong reply of the server on asyncio to GET /flowers" in capsys.readouterr().out


def tampered_copy(directory):
    application = shutil.copy(shop.APPLICATION, directory)
    first, *others = shop.CATALOGUE
    assert first["price_cents"] == 145
    catalogue = [first | {"price_cents": 541}, *others]
    (directory / "flowers.json").write_text(json.dumps(catalogue), encoding="utf-8")
    return Path(application)


# -- starting and stopping ---------------------------------------------------------------------------------


def test_server_that_cannot_start_shows_its_errors():
    contender = Contender("nothing", ("-m", "no_such_module_anywhere"), "nothing")
    with pytest.raises(ServerFailed, match="No module named no_such_module_anywhere"):
        Server(contender, shop.APPLICATION).__enter__()


def test_server_on_another_loop_than_it_should_is_refused():
    contender = Contender("pretender", (), "pretender")
    with pytest.raises(ServerFailed, match="it runs on asyncio.*, not on a loop of pretender"):
        Server(contender, ROOT / "examples" / "tcp_echo.py").__enter__()


def test_server_that_ends_with_an_error_is_reported(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import signal, sys\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit('no good end'))\n"
        "print('event loop: asyncio.Loop')\n"
        "print('Running on tcp://127.0.0.1:1')\n"
        "while True: signal.pause()\n"
    )
    with pytest.raises(ServerFailed, match=r"(?s)didn't stop cleanly.*status 1.*no good end"):
        with Server(STANDARD, program):
            pass


# -- the verifier ------------------------------------------------------------------------------------------


def right_reply(exchange):
    headers = {
        **exchange.headers,
        "Date": "Mon, 23 Nov 2026 09:00:00 GMT",
        "Server": "Python/3.11 aiohttp/3.14",
    }
    lines = [f"HTTP/1.1 {exchange.status} OK", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + exchange.body


def in_body(reply):
    return reply.replace(b'"pink"', b'"pinK"')


CORRUPTIONS = {
    "a letter of the body": (in_body, r"the body differs from byte 50 on: expected b'k"),
    "the status": (lambda reply: reply.replace(b"200 OK", b"201 Created"), "expected the status"),
    "a header too many": (
        lambda reply: reply.replace(b"Date:", b"X-Extra: 1\r\nDate:"),
        "expected the headers",
    ),
    "a header too few": (lambda reply: reply.replace(b"Date:", b"Dat:"), "the header 'date'"),
    "a header twice": (
        lambda reply: reply.replace(b"Server:", b"Content-Length: 90\r\nServer:"),
        "a malformed or repeated header",
    ),
    "the length": (lambda reply: reply.replace(b"Length: 90", b"Length: 91"), "expected the headers"),
    "a byte too many": (
        lambda reply: reply + b"}",
        r"the body differs from byte 90 on: expected b'', got b'}'",
    ),
}


def test_right_reply_is_accepted_whole_only():
    exchange = shop.one_flower(4)
    reply = right_reply(exchange)
    assert exchange.complete(reply)
    assert not any(exchange.complete(reply[:size]) for size in range(len(reply)))


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_corrupted_reply_is_a_mismatch_that_names_the_request(corruption):
    corrupt, message = CORRUPTIONS[corruption]
    exchange = shop.one_flower(4)
    reply = right_reply(exchange)
    assert exchange.complete(reply)
    with pytest.raises(Mismatch, match=f"^GET /flowers/4: .*{message}"):
        exchange.complete(corrupt(reply))


def test_each_flipped_bit_of_an_echoed_message_is_a_mismatch():
    exchange = websocket.echoed(websocket.BINARY, bytes(range(20)))
    assert exchange.complete(exchange.reply)
    for bit in range(len(exchange.reply) * 8):
        wrong = bytearray(exchange.reply)
        wrong[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Mismatch, match="WebSocket binary message of 20 bytes"):
            exchange.complete(bytes(wrong))


@pytest.mark.parametrize("at", [0, 70_000, shop.MEBIBYTE - 1])
def test_flipped_byte_of_a_streamed_download_is_a_mismatch(at):
    exchange = shop.archive_download(1)
    reply = bytearray(right_reply(exchange))
    reply[len(reply) - shop.MEBIBYTE + at] ^= 1
    with pytest.raises(Mismatch, match=f"^GET /archive: the body differs from byte {at:,} on"):
        receive_streamed(exchange, reply)


def test_streamed_download_cut_short_is_a_mismatch():
    exchange = shop.archive_download(1)
    with pytest.raises(Mismatch, match="^GET /archive: the server closed the connection after"):
        receive_streamed(exchange, right_reply(exchange)[:-1])


def receive_streamed(exchange, reply):
    """Have ``transfer`` receive ``reply``, sent from a thread."""
    ours, theirs = socket.socketpair()

    def send():
        with theirs, suppress(ConnectionError):  # the receiver may have seen enough
            theirs.recv(4096)
            theirs.sendall(reply)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        with ours:
            ours.settimeout(15)
            transfer(ours, exchange, bytearray(64 * 1024))
    finally:
        sender.join()


def test_closed_connection_is_a_mismatch():
    exchange = shop.one_flower(1)
    with socket.create_server(("127.0.0.1", 0)) as listener, Small(listener.getsockname(), 1) as group:
        connection, _ = listener.accept()
        connection.sendall(right_reply(exchange)[:30])
        connection.shutdown(socket.SHUT_WR)
        with pytest.raises(Mismatch, match="^GET /flowers/1: the server closed the connection; 30 bytes"):
            group.run([[exchange]])
        connection.close()


# -- the other examples ------------------------------------------------------------------------------------


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_example_never_imports_tulipa(program):
    tree = ast.parse(program.read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert "asyncio" in imported
    assert not any(name.partition(".")[0] == "tulipa" for name in imported)


@contenders
def test_tcp_echo_returns_each_line(contender):
    with Server(contender, ROOT / "examples" / "tcp_echo.py") as server:
        with socket.create_connection(server.address, 10) as sock:
            sock.sendall(b"one\ntwo\nthree")
            sock.shutdown(socket.SHUT_WR)
            with sock.makefile("rb") as answers:
                assert answers.read() == b"one\ntwo\nthree"
        assert server.errors() == ""


@contenders
def test_chat_brings_each_line_to_the_others(contender):
    with Server(contender, ROOT / "examples" / "chat.py") as server:
        with Guest(server.address, "anna") as anna, Guest(server.address, "bert") as bert:
            assert anna.lines(1) == ["* here: nobody"]
            assert bert.lines(1) == ["* here: anna"]
            anna.say("hello")
            assert bert.lines(1) == ["anna: hello"]
            bert.say("and good bye")
            assert anna.lines(2) == ["* bert is here", "bert: and good bye"]
            bert.__exit__()
            assert anna.lines(1) == ["* bert has left"]
        assert server.errors() == ""


class Guest:
    """A client of the chat that has given its name."""

    def __init__(self, address, name):
        self._socket = socket.create_connection(address, 10)
        self._received = self._socket.makefile("r", encoding="utf-8")
        assert self.lines(1) == ["* your name?"]
        self.say(name)

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self._received.close()
        self._socket.close()

    def say(self, line):
        self._socket.sendall(line.encode() + b"\n")

    def lines(self, count):
        return [self._received.readline().rstrip("\n") for _ in range(count)]


@needs("uvicorn")
@pytest.mark.parametrize(
    ("loop", "package"),
    [("asyncio", "asyncio"), pytest.param("tulipa:new_event_loop", "tulipa", marks=needs("tulipa"))],
)
def test_asgi_app_under_uvicorn(capfd, loop, package):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
        options = ["--app-dir", str(ROOT / "examples"), "--loop", loop, "--fd", str(listener.fileno())]
        command = [sys.executable, "-m", "uvicorn", *options, "--log-level", "warning", "asgi_app:app"]
        server = subprocess.Popen(command, pass_fds=[listener.fileno()])
    client = http.client.HTTPConnection(host, port, timeout=15)
    try:
        body = bytes(range(256)) * 1000
        client.request("POST", "/echo", body)
        assert client.getresponse().read() == body
        client.request("GET", "/loop")
        assert client.getresponse().read().decode().startswith(f"{package}.")
    finally:
        client.close()
        server.terminate()
        server.wait(15)
    assert capfd.readouterr().err == ""
