"""Groups of connections that send one request after the other and verify each reply before the next.

``Small`` drives many connections from one thread, as cheaply as Python can, so that the server is what is
measured. ``Streaming`` moves bodies of many MiB, with a thread for each connection. Both are used alike:
``with Small(address, count) as group: group.run(scripts)``, a script of exchanges for each connection.
"""

import selectors
import socket
import time
from array import array
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from demo.exchange import EXCERPT, HEAD_END, HttpExchange, Mismatch, RawExchange, check_head, first_difference

PATIENCE = 20.0  # seconds without progress until a reply counts as missing
SMALL_PIECE = 256 * 1024  # bytes received at most in one go
LARGE_PIECE = 1024 * 1024

Address = tuple[str, int]
Exchange = HttpExchange | RawExchange


class Group:
    """``count`` connections to ``address``, closed at the end of the ``with`` block."""

    def __init__(self, address: Address, count: int) -> None:
        self._sockets: list[socket.socket] = []
        try:
            for _ in range(count):
                self._sockets.append(socket.create_connection(address, PATIENCE))
                self._sockets[-1].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Group":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        for sock in self._sockets:
            sock.close()

    def run(self, scripts: Sequence[Iterable[Exchange]]) -> array:
        """Run a script on each connection; return the seconds of each exchange, raise the first Mismatch."""
        raise NotImplementedError


class Small(Group):
    """For replies that fit in memory many times over."""

    def run(self, scripts: Sequence[Iterable[Exchange]]) -> array:
        latencies = array("d")
        with selectors.DefaultSelector() as selector:
            for sock, script in zip(self._sockets, scripts, strict=True):
                connection = Connection(sock, iter(script), latencies)
                if connection.send_next():
                    selector.register(sock, selectors.EVENT_READ, connection)
            while selector.get_map():
                ready = selector.select(PATIENCE)
                if not ready:
                    stuck = next(iter(selector.get_map().values())).data
                    raise stuck.failed(f"no complete reply within {PATIENCE:.0f} s")
                for key, _ in ready:
                    if not key.data.receive():
                        selector.unregister(key.fileobj)
        return latencies


class Connection:
    """A connection's script and where it is in it."""

    __slots__ = ("_exchange", "_latencies", "_received", "_script", "_socket", "_started")

    def __init__(self, sock: socket.socket, script: Iterable[Exchange], latencies: array) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._script = script
        self._latencies = latencies
        self._received = b""

    def send_next(self) -> bool:
        """Send the next request, if the script has one more."""
        self._exchange = exchange = next(self._script, None)
        if exchange is None:
            return False
        self._started = time.perf_counter()
        try:
            sent = self._socket.send(exchange.request)
            if sent < len(exchange.request):
                self._send_rest(exchange.request[sent:])
        except OSError as error:
            raise self.failed(f"the connection broke: {error}") from error
        return True

    def receive(self) -> bool:
        """Take what has arrived; after a whole reply go on. Return False at the end of the script."""
        try:
            piece = self._socket.recv(SMALL_PIECE)
        except OSError as error:
            raise self.failed(f"the connection broke: {error}") from error
        if not piece:
            raise self.failed("the server closed the connection")
        received = self._received + piece if self._received else piece
        if not self._exchange.complete(received):
            self._received = received
            return True
        self._latencies.append(time.perf_counter() - self._started)
        self._received = b""
        return self.send_next()

    def failed(self, what: str) -> Mismatch:
        tail = f", the last: {self._received[-EXCERPT:]!r}" if self._received else ""
        return Mismatch(self._exchange.name, f"{what}; {len(self._received):,} bytes had arrived{tail}")

    def _send_rest(self, rest: bytes) -> None:
        self._socket.settimeout(PATIENCE)
        self._socket.sendall(rest)
        self._socket.setblocking(False)


class Streaming(Group):
    """For bodies that are sent and compared in pieces, never gathered."""

    def run(self, scripts: Sequence[Iterable[HttpExchange]]) -> array:
        latencies = array("d")
        with ThreadPoolExecutor(len(self._sockets)) as threads:
            for one_connection in threads.map(run_script, self._sockets, scripts):
                latencies.extend(one_connection)
        return latencies


def run_script(sock: socket.socket, script: Iterable[HttpExchange]) -> array:
    latencies = array("d")
    buffer = bytearray(LARGE_PIECE)
    for exchange in script:
        started = time.perf_counter()
        try:
            transfer(sock, exchange, buffer)
        except OSError as error:
            raise Mismatch(exchange.name, f"the connection broke: {error}") from error
        latencies.append(time.perf_counter() - started)
    return latencies


def transfer(sock: socket.socket, exchange: HttpExchange, buffer: bytearray) -> None:
    """Send request and payload, compare the reply piece by piece."""
    sock.sendall(exchange.request)
    sock.sendall(exchange.payload)
    received = b""
    while HEAD_END not in received:
        received += receive_piece(sock, exchange, buffer, "within the headers")
    head, _, piece = received.partition(HEAD_END)
    check_head(exchange, head)
    seen = 0
    while True:
        expected = exchange.body[seen : seen + len(piece)]
        if piece != expected:
            raise Mismatch(exchange.name, f"the body {first_difference(expected, piece, seen)}")
        seen += len(piece)
        if seen == len(exchange.body):
            return
        piece = receive_piece(sock, exchange, buffer, f"after {seen:,} bytes of the body")


def receive_piece(sock: socket.socket, exchange: HttpExchange, buffer: bytearray, where: str) -> bytearray:
    size = sock.recv_into(buffer)
    if size == 0:
        raise Mismatch(exchange.name, f"the server closed the connection {where}")
    return buffer[:size]
