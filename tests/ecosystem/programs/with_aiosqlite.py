"""aiosqlite: a thread for each connection; queries, transactions, iteration, cancellation, interruption, backup."""

import asyncio
import contextlib
import sqlite3
import tempfile

import aiosqlite
from support import cancelled_after, run

ROWS = [(number, f"tulip {number}", bytes([number % 256]) * number) for number in range(500)]


@contextlib.asynccontextmanager
async def filled(path=":memory:"):
    """A connection with a table that holds the rows."""
    async with aiosqlite.connect(path) as connection:
        await connection.execute("CREATE TABLE flowers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, picture BLOB)")
        await connection.executemany("INSERT INTO flowers VALUES (?, ?, ?)", ROWS)
        await connection.commit()
        yield connection


async def queries():
    async with filled() as connection:
        async with connection.execute("SELECT * FROM flowers ORDER BY id") as cursor:
            assert [row async for row in cursor] == ROWS
        connection.row_factory = aiosqlite.Row
        async with connection.execute("SELECT name FROM flowers WHERE id = ?", (7,)) as cursor:
            assert (await cursor.fetchone())["name"] == "tulip 7"
        assert [tuple(row) for row in await connection.execute_fetchall("SELECT count(*) FROM flowers")] == [(500,)]
        await connection.create_function("double", 1, lambda number: 2 * number)
        async with connection.execute("SELECT double(id) FROM flowers LIMIT 3 OFFSET 1") as cursor:
            assert [row[0] for row in await cursor.fetchall()] == [2, 4, 6]


async def transactions():
    with tempfile.NamedTemporaryFile() as file:
        async with filled(file.name) as writer, aiosqlite.connect(file.name) as reader:
            await writer.execute("DELETE FROM flowers WHERE id < 100")
            assert writer.in_transaction
            counts = [await count(connection) for connection in (writer, reader)]
            await writer.rollback()
            assert counts == [400, 500] and await count(writer) == 500
            try:
                await writer.execute("INSERT INTO flowers VALUES (1, 'again', NULL)")
            except sqlite3.IntegrityError:
                await writer.rollback()
            else:
                raise AssertionError("no IntegrityError")
            await asyncio.gather(
                *(writer.execute("UPDATE flowers SET name = 'rose' WHERE id = ?", (number,)) for number in range(200))
            )
            await writer.commit()
            async with reader.execute("SELECT count(*) FROM flowers WHERE name = 'rose'") as cursor:
                assert await cursor.fetchone() == (200,)


async def count(connection):
    async with connection.execute("SELECT count(*) FROM flowers") as cursor:
        return (await cursor.fetchone())[0]


async def backup_and_dump():
    async with filled() as source, aiosqlite.connect(":memory:") as target:
        await source.backup(target)
        assert await target.execute_fetchall("SELECT * FROM flowers ORDER BY id") == ROWS
        script = "\n".join([line async for line in target.iterdump()])
        assert script.count("INSERT INTO") == 500


async def cancellation_and_interruption():
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n"
    async with filled() as connection:
        async with cancelled_after(asyncio.create_task(connection.execute_fetchall(endless))):
            await asyncio.sleep(0.02)
        await connection.interrupt()  # the thread would go on for ever
        asking = asyncio.create_task(connection.execute_fetchall(endless))
        while not asking.done():
            await asyncio.sleep(0.01)
            await connection.interrupt()
        assert isinstance(asking.exception(), sqlite3.OperationalError)
        assert await count(connection) == 500


async def many_connections():
    async def work(number):
        async with filled() as connection:
            await connection.execute("DELETE FROM flowers WHERE id >= ?", (number,))
            return await count(connection)

    assert await asyncio.gather(*map(work, range(20))) == list(range(20))


if __name__ == "__main__":
    run(queries, transactions, backup_and_dump, cancellation_and_interruption, many_connections,
        libraries=("aiosqlite",))
