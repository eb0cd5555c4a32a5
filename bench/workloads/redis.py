"""A client of a store that speaks RESP, as Redis does: pipelines over asyncio's streams."""

import asyncio

from ..servers import HOST

CLIENTS = 10
PIPELINE = 20                                      # commands: ten times SET, then GET of the same keys
VALUE = "value %06d, which is about as long as a session's token is in daily life"

_clients: list["Client"] = []


class Client:
    """One connection. Commands are queued by `set` and `get`; `execute` sends them and returns the answers."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._commands: list[bytes] = []
        self._rounds = 0

    def _queue(self, *parts: str) -> None:
        words = [part.encode() for part in parts]
        pieces = [b"*%d\r\n" % len(words), *(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)]
        self._commands.append(b"".join(pieces))

    def set(self, key: str, value: str) -> None:
        self._queue("SET", key, value)

    def get(self, key: str) -> None:
        self._queue("GET", key)

    def close(self) -> None:
        self._writer.close()

    async def _answer(self) -> str | None:
        line = await self._reader.readline()
        if line.startswith(b"+"):
            return line[1:-2].decode()
        if not line.startswith(b"$"):
            raise RuntimeError(f"the store answered {line!r}")
        size = int(line[1:-2])
        if size < 0:
            return None
        value = await self._reader.readexactly(size + 2)
        return value[:-2].decode()

    async def execute(self) -> list[str | None]:
        commands, self._commands = self._commands, []
        self._writer.write(b"".join(commands))
        await self._writer.drain()
        return [await self._answer() for _ in commands]

    async def work(self, first_key: int, count: int) -> int:
        """About `count` commands, in pipelines of new values; every answer is compared."""
        keys = [f"key:{first_key + i}" for i in range(PIPELINE // 2)]
        done = 0
        while done < count:
            self._rounds += 1
            values = [VALUE % (self._rounds + i) for i in range(PIPELINE // 2)]
            for key, value in zip(keys, values):
                self.set(key, value)
            for key in keys:
                self.get(key)
            answers = await self.execute()
            if answers != ["OK"] * len(keys) + values:
                raise RuntimeError(f"the store answered {answers}")
            done += PIPELINE
        return done


async def prepare(port: str) -> None:
    """Connect; the connections stay for all batches."""
    _clients.extend([Client(*await asyncio.open_connection(HOST, int(port))) for _ in range(CLIENTS)])


async def pipelined(count: int) -> int:
    """All clients at once."""
    each = -(-count // CLIENTS)
    return sum(await asyncio.gather(*[client.work(i * PIPELINE, each) for i, client in enumerate(_clients)]))
