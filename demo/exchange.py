"""A request with the reply that must come, and the comparison of the two, byte for byte."""

import re
from functools import lru_cache
from http import HTTPStatus

HEAD_END = b"\r\n\r\n"
HEAD_LIMIT = 16 * 1024
EXCERPT = 24

# What a reply says of itself: allowed only in this form, but not fixed by the request.
VARIABLE_HEADERS = {
    b"date": re.compile(rb"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"),
    b"server": re.compile(rb"Python/\S+ aiohttp/\S+"),
}


class Mismatch(Exception):
    """A reply isn't the one its request must get; the message names the request and the difference."""

    def __init__(self, request: str, difference: str) -> None:
        super().__init__(request, difference)
        self.request = request
        self.difference = difference

    def __str__(self) -> str:
        return f"{self.request}: {self.difference}"


def first_difference(expected: bytes, got: bytes, start: int = 0) -> str:
    """Say where ``got`` departs from ``expected``, counted from ``start``; the two must not be equal."""
    shared = min(len(expected), len(got))
    at = next((i for i in range(shared) if expected[i] != got[i]), shared)
    want, have = bytes(expected[at : at + EXCERPT]), bytes(got[at : at + EXCERPT])
    return f"differs from byte {start + at:,} on: expected {want!r}, got {have!r}"


class HttpExchange:
    """An HTTP request and its whole reply: status, each header, body.

    ``payload`` is sent after ``request``, for bodies that aren't worth a copy.
    """

    __slots__ = ("name", "request", "status", "headers", "body", "payload")

    def __init__(
        self,
        name: str,
        request: bytes,
        status: int,
        headers: dict[str, str],
        body: bytes,
        payload: bytes = b"",
    ) -> None:
        self.name = name
        self.request = request
        self.status = status
        self.headers = headers
        self.body = body
        self.payload = payload

    def complete(self, received: bytes) -> bool:
        """Tell whether the whole reply is there; raise Mismatch once it can't become the expected one."""
        end = received.find(HEAD_END)
        if end < 0:
            if len(received) > HEAD_LIMIT:
                raise Mismatch(self.name, f"no end of the headers within {HEAD_LIMIT:,} bytes")
            return False
        check_head(self, received[:end])
        body = received[end + len(HEAD_END) :]
        if body == self.body:
            return True
        if self.body.startswith(body):
            return False
        raise Mismatch(self.name, f"the body {first_difference(self.body, body)}")


class RawExchange:
    """Bytes to send and exactly the bytes that must come back: WebSocket frames, for example."""

    __slots__ = ("name", "request", "reply")

    def __init__(self, name: str, request: bytes, reply: bytes) -> None:
        self.name = name
        self.request = request
        self.reply = reply

    def complete(self, received: bytes) -> bool:
        """As ``HttpExchange.complete``."""
        if received == self.reply:
            return True
        if self.reply.startswith(received):
            return False
        raise Mismatch(self.name, f"the reply {first_difference(self.reply, received)}")


@lru_cache(maxsize=1024)  # the same request gets the same head for a second, until its Date moves on
def check_head(exchange: HttpExchange, head: bytes) -> None:
    """Compare status line and headers with what ``exchange`` expects; a header too many is a Mismatch too."""
    status_line, *lines = head.split(b"\r\n")
    expected_line = f"HTTP/1.1 {exchange.status} {HTTPStatus(exchange.status).phrase}".encode()
    if status_line != expected_line:
        raise Mismatch(exchange.name, f"expected the status {expected_line!r}, got {status_line!r}")
    headers = {}
    for line in lines:
        name, colon, value = line.partition(b": ")
        if not colon or name.lower() in headers:
            raise Mismatch(exchange.name, f"a malformed or repeated header: {line!r}")
        headers[name.lower()] = value
    for name, pattern in VARIABLE_HEADERS.items():
        value = headers.pop(name, b"(missing)")
        if not pattern.fullmatch(value):
            raise Mismatch(exchange.name, f"the header {name.decode()!r} is {value!r}")
    expected = {name.lower().encode(): value.encode() for name, value in exchange.headers.items()}
    if headers != expected:
        raise Mismatch(exchange.name, f"expected the headers {expected!r}, got {headers!r}")


def http_request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """The bytes of a request; underscores in header names stand for hyphens."""
    fields = {"Host": "localhost", **{name.replace("_", "-"): value for name, value in headers.items()}}
    if body:
        fields |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def body_headers(body: bytes, content_type: str = "application/json; charset=utf-8") -> dict[str, str]:
    return {"Content-Type": content_type, "Content-Length": str(len(body))}
