"""WebSocket messages as exchanges (RFC 6455): the opening handshake, echoed messages, the closing one."""

import base64
import hashlib
import struct

from demo.exchange import HttpExchange, RawExchange, http_request

TEXT, BINARY, CLOSE = 0x1, 0x2, 0x8
FINAL = 0x80
MASKED = 0x80
MASK = b"\x37\xfa\x21\x3d"  # any value will do: masks protect proxies, and there is none here
ACCEPT_SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # fixed by RFC 6455, section 1.3
KEY = base64.b64encode(b"tulips, tulips!!").decode()


def frame(opcode: int, payload: bytes, *, masked: bool) -> bytes:
    """One unfragmented frame, masked as a client sends it or plain as a server does."""
    mask_bit = MASKED if masked else 0
    if len(payload) < 126:
        head = struct.pack("!BB", FINAL | opcode, mask_bit | len(payload))
    elif len(payload) < 65536:
        head = struct.pack("!BBH", FINAL | opcode, mask_bit | 126, len(payload))
    else:
        head = struct.pack("!BBQ", FINAL | opcode, mask_bit | 127, len(payload))
    if not masked:
        return head + payload
    return head + MASK + apply_mask(payload)


def apply_mask(payload: bytes) -> bytes:
    repeated = (MASK * (len(payload) // 4 + 1))[: len(payload)]
    mixed = int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")
    return mixed.to_bytes(len(payload), "big")


def handshake(path: str) -> HttpExchange:
    request = http_request(
        "GET",
        path,
        Connection="Upgrade",
        Upgrade="websocket",
        Sec_WebSocket_Version="13",
        Sec_WebSocket_Key=KEY,
    )
    accept = base64.b64encode(hashlib.sha1(KEY.encode() + ACCEPT_SUFFIX).digest()).decode()
    headers = {"Upgrade": "websocket", "Connection": "upgrade", "Sec-WebSocket-Accept": accept}
    return HttpExchange(f"GET {path} (WebSocket)", request, 101, headers, b"")


def echoed(opcode: int, payload: bytes) -> RawExchange:
    kind = "text" if opcode == TEXT else "binary"
    name = f"WebSocket {kind} message of {len(payload):,} bytes"
    return RawExchange(name, frame(opcode, payload, masked=True), frame(opcode, payload, masked=False))


def closing(code: int = 1000) -> RawExchange:
    payload = struct.pack("!H", code)
    answer = frame(CLOSE, payload, masked=False)
    return RawExchange("WebSocket closing handshake", frame(CLOSE, payload, masked=True), answer)
