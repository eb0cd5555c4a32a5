"""asyncpg: types, prepared statements, transactions, cursors, COPY, notifications, pools, time limits, cancellation.

With the PostgreSQL that ECOSYSTEM_POSTGRES names (the directory of its UNIX socket); where there is none, what
small_postgres.py can answer.
"""

import asyncio
import contextlib
import datetime
import decimal
import io
import os
import uuid

import asyncpg
from small_postgres import SmallPostgres
from support import LARGE, LOOPBACK, cancelled_after, run

SOCKET = os.environ.get("ECOSYSTEM_POSTGRES")


@contextlib.asynccontextmanager
async def server():
    """How to reach the server."""
    account = {"user": "postgres", "database": "postgres", "timeout": 30}
    if SOCKET:
        yield {"host": SOCKET, **account}
    else:
        async with SmallPostgres() as port:
            yield {"host": LOOPBACK, "port": port, "ssl": "prefer", **account}


@contextlib.asynccontextmanager
async def connected():
    async with server() as address:
        connection = await asyncpg.connect(**address)
        try:
            yield connection
        finally:
            await connection.close()


# -- with either server --------------------------------------------------------------------------------------


async def queries():
    async with connected() as connection:
        assert await connection.fetchval("SELECT $1::int4 + $2::int4", 20, 22) == 42
        assert await connection.fetchval("SELECT $1::text", "tulip №1") == "tulip №1"
        assert await connection.fetchval("SELECT $1::bytea", LARGE) == LARGE
        assert await connection.fetchval("SELECT $1::text", None) is None
        rows = await connection.fetch("SELECT i, i * i AS square FROM generate_series(1, $1::int4) AS i", 5000)
        assert [tuple(row) for row in rows] == [(number, number**2) for number in range(1, 5001)]
        assert rows[2]["square"] == 9
        statement = await connection.prepare("SELECT $1::int4 + $2::int4")
        assert [await statement.fetchval(number, 1) for number in range(100)] == list(range(1, 101))


async def errors():
    async with connected() as connection:
        try:
            await connection.fetchval("SELECT 1 / 0")
        except asyncpg.DivisionByZeroError as error:
            assert error.sqlstate == "22012" and "division by zero" in str(error)
        else:
            raise AssertionError("no DivisionByZeroError")
        assert await connection.fetchval("SELECT $1::int4 + $2::int4", 1, 1) == 2
        try:
            await asyncio.gather(*(connection.fetchval("SELECT $1::text", "x") for _ in range(2)))
        except asyncpg.InterfaceError as error:
            assert "another operation is in progress" in str(error)
        else:
            raise AssertionError("no InterfaceError")


async def pools():
    async with server() as address, asyncpg.create_pool(**address, min_size=2, max_size=5) as pool:

        async def add(number):
            async with pool.acquire() as connection:
                return await connection.fetchval("SELECT $1::int4 + $2::int4", number, 1)

        assert await asyncio.gather(*map(add, range(100))) == list(range(1, 101))
        assert pool.get_size() <= 5


async def giving_up():
    """A time limit and a cancellation stop the statement in the server; the connection stays usable."""
    async with connected() as connection:
        async with asyncio.timeout(30):
            try:
                await connection.execute("SELECT pg_sleep(60)", timeout=0.05)
            except TimeoutError:
                pass
            else:
                raise AssertionError("no TimeoutError")
            async with cancelled_after(asyncio.create_task(connection.execute("SELECT pg_sleep(60)"))):
                await asyncio.sleep(0.05)
        assert await connection.fetchval("SELECT $1::int4 + $2::int4", 1, 1) == 2


# -- with a real one only --------------------------------------------------------------------------------------


async def values_of_many_types():
    values = {
        "int8": 2**62, "float8": 0.1, "numeric": decimal.Decimal("1234567890.123456789"), "bool": True,
        "date": datetime.date(1637, 2, 3), "timestamptz": datetime.datetime(2000, 1, 2, 3, tzinfo=datetime.UTC),
        "interval": datetime.timedelta(days=3, seconds=7), "uuid": uuid.UUID(int=7), "int4[]": [1, None, 3],
        "text[]": ["tulip", "it's"], "json": '{"a": 1}', "inet": None,
    }
    async with connected() as connection:
        for kind, value in values.items():
            assert await connection.fetchval(f"SELECT $1::{kind}", value) == value, kind
        await connection.execute("CREATE TEMP TABLE flowers (id int PRIMARY KEY, name text)")
        await connection.executemany("INSERT INTO flowers VALUES ($1, $2)", [(n, f"tulip {n}") for n in range(1000)])
        row = await connection.fetchrow("SELECT f AS flower FROM flowers AS f WHERE id = 7")
        assert tuple(row["flower"]) == (7, "tulip 7")  # a type of ours, asked for


async def transactions_and_cursors():
    async with connected() as connection:
        await connection.execute("CREATE TEMP TABLE flowers (id int PRIMARY KEY)")
        async with connection.transaction():
            await connection.execute("INSERT INTO flowers SELECT generate_series(1, 1000)")
            with contextlib.suppress(asyncpg.UniqueViolationError):
                async with connection.transaction():
                    await connection.execute("DELETE FROM flowers WHERE id > 10")
                    await connection.execute("INSERT INTO flowers VALUES (1)")
            seen = [row["id"] async for row in connection.cursor("SELECT id FROM flowers ORDER BY id", prefetch=77)]
            assert seen == list(range(1, 1001))
        try:
            async with connection.transaction():
                await connection.execute("DELETE FROM flowers")
                raise KeyError
        except KeyError:
            assert await connection.fetchval("SELECT count(*) FROM flowers") == 1000


async def copying():
    async with connected() as connection:
        await connection.execute("CREATE TEMP TABLE flowers (id int, name text)")
        records = [(number, f"tulip {number}") for number in range(20_000)]
        assert await connection.copy_records_to_table("flowers", records=records) == "COPY 20000"
        out = io.BytesIO()
        await connection.copy_from_query("SELECT * FROM flowers ORDER BY id", output=out, format="csv")
        assert out.getvalue() == b"".join(b"%d,tulip %d\n" % (number, number) for number in range(20_000))

        async def lines():
            for number in range(1000):
                yield b"%d,rose\n" % number

        assert await connection.copy_to_table("flowers", source=lines(), format="csv") == "COPY 1000"


async def notifications():
    heard = asyncio.Queue()
    async with connected() as listener, connected() as speaker:
        await listener.add_listener("news", lambda connection, pid, channel, payload: heard.put_nowait(payload))
        for number in range(50):
            await speaker.execute("SELECT pg_notify('news', $1)", str(number))
        assert [await heard.get() for _ in range(50)] == list(map(str, range(50)))
        await listener.reset()


if __name__ == "__main__":
    print("with", "a PostgreSQL" if SOCKET else "the small server")
    real = (values_of_many_types, transactions_and_cursors, copying, notifications) if SOCKET else ()
    run(queries, errors, pools, giving_up, *real, libraries=("asyncpg",))
