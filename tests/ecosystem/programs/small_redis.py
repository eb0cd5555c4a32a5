"""A small server that speaks Redis's protocol (RESP 2 and 3), where there is no Redis: enough for with_redis.py."""

import asyncio

from small_server import SmallServer

OK = "OK"  # simple strings are str, bulk strings bytes


class Error(Exception):
    """What the client is told."""


class Push(list):
    """A message out of turn: of a subscription."""


def encode(value, protocol):
    """The value as RESP writes it."""
    match value:
        case None:
            return b"_\r\n" if protocol == 3 else b"$-1\r\n"
        case Error():
            return b"-%b\r\n" % str(value).encode()
        case str():
            return b"+%b\r\n" % value.encode()
        case int():
            return b":%d\r\n" % value
        case bytes():
            return b"$%d\r\n%b\r\n" % (len(value), value)
        case dict() if protocol == 3:
            flat = [part for pair in value.items() for part in pair]
            return b"%%%d\r\n" % len(value) + b"".join(encode(part, protocol) for part in flat)
        case dict():
            return encode([part for pair in value.items() for part in pair], protocol)
        case Push() if protocol == 3:
            return b">%d\r\n" % len(value) + b"".join(encode(part, protocol) for part in value)
        case list():
            return b"*%d\r\n" % len(value) + b"".join(encode(part, protocol) for part in value)
    raise TypeError(type(value))


class SmallRedis(SmallServer):
    """The data, and the server."""

    def __init__(self):
        super().__init__()
        self.data = {}
        self.changed = asyncio.Condition()
        self.subscribers = {}

    async def talk(self, reader, writer):
        session = Session(self, writer)
        try:
            while True:
                await session.take(await read_command(reader))
        finally:
            for sessions in self.subscribers.values():
                sessions.discard(session)


async def read_command(reader):
    count = int((await reader.readuntil(b"\r\n"))[1:])
    words = []
    for _ in range(count):
        size = int((await reader.readuntil(b"\r\n"))[1:])
        words.append((await reader.readexactly(size + 2))[:-2])
    return words


class Session:
    """One connection: its protocol, its transaction."""

    def __init__(self, redis, writer):
        self.redis = redis
        self.writer = writer
        self.protocol = 2
        self.queued = None

    def send(self, value):
        self.writer.write(encode(value, self.protocol))

    async def take(self, words):
        name = words[0].decode().lower()
        if self.queued is not None and name not in ("exec", "discard"):
            self.queued.append(words)
            self.send("QUEUED")
        else:
            answer = await self.answer(name, words[1:])
            if answer is not Session:  # it has answered itself
                self.send(answer)
        await self.writer.drain()

    async def answer(self, name, words):
        command = getattr(self, f"do_{name}", None)
        try:
            if command is None:
                raise Error(f"ERR unknown command '{name}'")
            return await command(*words)
        except Error as error:
            return error

    # -- connections and transactions

    async def do_hello(self, protocol=b"2", *_):
        self.protocol = int(protocol)
        return {b"server": b"redis", b"proto": self.protocol}

    async def do_client(self, *_):
        return OK

    async def do_ping(self, *words):
        return words[0] if words else "PONG"

    async def do_multi(self):
        self.queued = []
        return OK

    async def do_exec(self):
        queued, self.queued = self.queued, None
        return [await self.answer(words[0].decode().lower(), words[1:]) for words in queued]

    # -- data

    async def do_set(self, key, value, *_):
        self.redis.data[key] = value
        return OK

    async def do_get(self, key):
        value = self.redis.data.get(key)
        if not isinstance(value, bytes | None):
            raise Error("WRONGTYPE Operation against a key holding the wrong kind of value")
        return value

    async def do_incrby(self, key, amount):
        value = int(self.redis.data.get(key, b"0")) + int(amount)
        self.redis.data[key] = b"%d" % value
        return value

    async def do_del(self, *keys):
        return sum(self.redis.data.pop(key, None) is not None for key in keys)

    async def do_hset(self, key, *pairs):
        self.redis.data.setdefault(key, {}).update(zip(pairs[::2], pairs[1::2], strict=True))
        return len(pairs) // 2

    async def do_hgetall(self, key):
        return self.redis.data.get(key, {})

    async def do_rpush(self, key, *values):
        async with self.redis.changed:
            items = self.redis.data.setdefault(key, [])
            items.extend(values)
            self.redis.changed.notify_all()
            return len(items)

    async def do_blpop(self, key, seconds):
        try:
            async with asyncio.timeout(float(seconds) or None), self.redis.changed:
                await self.redis.changed.wait_for(lambda: self.redis.data.get(key))
                return [key, self.redis.data[key].pop(0)]
        except TimeoutError:
            return None

    # -- subscriptions

    async def do_subscribe(self, *channels):
        for number, channel in enumerate(channels, 1):
            self.redis.subscribers.setdefault(channel, set()).add(self)
            self.send(Push([b"subscribe", channel, number]))
        return Session

    async def do_unsubscribe(self, *channels):
        for channel in channels or [name for name, sessions in self.redis.subscribers.items() if self in sessions]:
            self.redis.subscribers.get(channel, set()).discard(self)
            self.send(Push([b"unsubscribe", channel, 0]))
        return Session

    async def do_publish(self, channel, message):
        listening = self.redis.subscribers.get(channel, ())
        for session in listening:
            session.send(Push([b"message", channel, message]))
        return len(listening)
