"""A chat server on asyncio's protocols: who connects gives a name, then every line goes to all the others.

    python examples/chat.py --port 8082
    python -m tulipa examples/chat.py --port 8082
    nc localhost 8082
"""

import argparse
import asyncio
import signal

LONGEST_LINE = 4096


class Guest(asyncio.Protocol):
    """One connection; ``room`` holds the guests that have given their name."""

    def __init__(self, room: dict[str, "Guest"]) -> None:
        self._room = room
        self._name = ""
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self.tell("* your name?")

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self.line_received(line.decode(errors="replace").strip())
        if len(self._rest) > LONGEST_LINE:
            self.tell("* that line is too long")
            self._transport.close()

    def line_received(self, line: str) -> None:
        if self._name:
            self.tell_others(f"{self._name}: {line}")
        elif not line or line in self._room:
            self.tell("* not that one; your name?")
        else:
            self.tell(f"* here: {', '.join(self._room) or 'nobody'}")
            self._name = line
            self._room[line] = self
            self.tell_others(f"* {line} is here")

    def connection_lost(self, exc: Exception | None) -> None:
        if self._name:
            self.tell_others(f"* {self._name} has left")
            del self._room[self._name]

    def tell(self, text: str) -> None:
        self._transport.write(text.encode() + b"\n")

    def tell_others(self, text: str) -> None:
        for guest in self._room.values():
            if guest is not self:
                guest.tell(text)

    def close(self) -> None:
        self._transport.close()


async def serve(host: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    room: dict[str, Guest] = {}
    server = await loop.create_server(lambda: Guest(room), host, port)
    host, port = server.sockets[0].getsockname()
    print(f"event loop: {type(loop).__module__}.{type(loop).__qualname__}")
    print(f"Running on tcp://{host}:{port}", flush=True)
    await stopped.wait()
    server.close()
    for guest in room.values():
        guest.close()
    await server.wait_closed()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A chat over TCP.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8082, help="0 takes a free one")
    options = parser.parse_args()
    asyncio.run(serve(options.host, options.port))
