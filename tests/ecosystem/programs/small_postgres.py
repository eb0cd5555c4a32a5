"""A small server that speaks PostgreSQL's protocol (version 3), for machines without one: enough for asyncpg.

It knows some statements by their text, no SQL. Values go in PostgreSQL's binary format.
"""

import asyncio
import itertools
import struct

from small_server import SmallServer

INT4, TEXT, BYTEA, VOID = 23, 25, 17, 2278
STARTUP, TLS_WANTED, CANCEL = 196608, 80877103, 80877102

int4 = struct.Struct("!i").pack


class Failure(Exception):
    """What the client is told: SQLSTATE and message."""


def number(data):
    return struct.unpack("!i", data)[0]


def divide():
    raise Failure("22012", "division by zero")


# The statement: types of its parameters, names and types of its columns, and its rows.
STATEMENTS = {
    "SELECT $1::int4 + $2::int4": ([INT4, INT4], {"sum": INT4}, lambda a, b: [[int4(number(a) + number(b))]]),
    "SELECT $1::text": ([TEXT], {"text": TEXT}, lambda text: [[text]]),
    "SELECT $1::bytea": ([BYTEA], {"bytea": BYTEA}, lambda data: [[data]]),
    "SELECT i, i * i AS square FROM generate_series(1, $1::int4) AS i": (
        [INT4], {"i": INT4, "square": INT4}, lambda last: [[int4(i), int4(i * i)] for i in range(1, number(last) + 1)],
    ),
    "SELECT 1 / 0": ([], {"quotient": INT4}, divide),
}


def message(kind, *parts):
    body = b"".join(parts)
    return kind + struct.pack("!i", len(body) + 4) + body


def text(value):
    return value.encode() + b"\0"


def error_message(state, reason):
    return message(b"E", b"SERROR\0VERROR\0C", text(state), b"M", text(reason), b"\0")


class SmallPostgres(SmallServer):
    """The server, and its sessions."""

    def __init__(self):
        super().__init__()
        self.keys = itertools.count(1)
        self.sessions = {}  # by key

    async def talk(self, reader, writer):
        while True:
            size, code = struct.unpack("!ii", await reader.readexactly(8))
            rest = await reader.readexactly(size - 8)
            if code == TLS_WANTED:
                writer.write(b"N")
            elif code == CANCEL:
                self.sessions[struct.unpack("!ii", rest)[0]].cancelled.set()
                return
            else:
                assert code == STARTUP
                key = next(self.keys)
                session = self.sessions[key] = Session(reader, writer)
                await session.talk(key)
                return


class Session:
    """One connection, once it has said what it wants."""

    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer
        self.prepared = {}  # statements by name
        self.bound = None
        self.failed = False  # until the next Sync
        self.cancelled = asyncio.Event()

    async def talk(self, key):
        self.writer.write(message(b"R", int4(0)))
        for name, value in {"server_version": "15.0", "client_encoding": "UTF8", "TimeZone": "UTC"}.items():
            self.writer.write(message(b"S", text(name), text(value)))
        self.writer.write(message(b"K", int4(key), int4(0)))
        self.be_ready()
        handlers = {b"P": self.parse, b"D": self.describe, b"B": self.bind, b"E": self.execute, b"C": self.close}
        while True:
            kind, size = struct.unpack("!ci", await self.reader.readexactly(5))
            body = await self.reader.readexactly(size - 4)
            if kind == b"X":
                return
            if kind == b"Q":
                await self.simple_query(body[:-1].decode())
            elif kind == b"S":
                self.failed = False
                self.be_ready()
            elif kind in handlers and not self.failed:
                try:
                    handlers[kind](body)
                except Failure as failure:
                    self.failed = True
                    self.writer.write(error_message(*failure.args))
            await self.writer.drain()

    def be_ready(self):
        self.writer.write(message(b"Z", b"I"))

    async def simple_query(self, query):
        if "pg_sleep" in query:
            self.cancelled.clear()
            await self.cancelled.wait()
            self.writer.write(error_message("57014", "canceling statement due to user request"))
        else:
            self.writer.write(message(b"C", text("SELECT 0")))
        self.be_ready()

    def parse(self, body):
        name, query, _ = body.split(b"\0", 2)
        if query.decode() not in STATEMENTS:
            raise Failure("0A000", f"the small server does not know {query.decode()!r}")
        self.prepared[name] = STATEMENTS[query.decode()]
        self.writer.write(message(b"1"))

    def describe(self, body):
        parameters, columns, _ = self.prepared[body[1:-1]]
        self.writer.write(message(b"t", struct.pack("!h", len(parameters)), *map(int4, parameters)))
        fields = [text(name) + struct.pack("!ihihih", 0, 0, kind, -1, -1, 1) for name, kind in columns.items()]
        self.writer.write(message(b"T", struct.pack("!h", len(fields)), *fields))

    def bind(self, body):
        _, name, rest = body.split(b"\0", 2)
        [formats] = struct.unpack_from("!h", rest)
        offset = 2 + 2 * formats
        [count] = struct.unpack_from("!h", rest, offset)
        offset, values = offset + 2, []
        for _ in range(count):
            [size] = struct.unpack_from("!i", rest, offset)
            values.append(None if size < 0 else rest[offset + 4 : offset + 4 + size])
            offset += 4 + max(size, 0)
        self.bound = self.prepared[name][2], values
        self.writer.write(message(b"2"))

    def execute(self, body):
        make_rows, values = self.bound
        rows = make_rows(*values)
        for row in rows:
            fields = [int4(-1) if value is None else int4(len(value)) + value for value in row]
            self.writer.write(message(b"D", struct.pack("!h", len(fields)), *fields))
        self.writer.write(message(b"C", text(f"SELECT {len(rows)}")))

    def close(self, body):
        self.prepared.pop(body[1:-1], None)
        self.writer.write(message(b"3"))
