"""aiofiles: files in text and binary, lines, seeking, temporary files, the file system, many at once, cancellation."""

import asyncio
import os
import tempfile

import aiofiles
import aiofiles.os
import aiofiles.tempfile
from support import LARGE, cancelled_after, pieces_of, run


async def bytes_and_positions():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "large")
        async with aiofiles.open(path, "wb") as file:
            for piece in pieces_of(LARGE):
                assert await file.write(piece) == len(piece)
        async with aiofiles.open(path, "r+b", buffering=0) as file:
            assert b"".join([piece for piece in await asyncio.gather(file.read())]) == LARGE
            assert await file.seek(1000) == 1000
            assert await file.read(24) == LARGE[1000:1024]
            assert await file.tell() == 1024
            await file.truncate(1024)
            assert (await aiofiles.os.stat(path)).st_size == 1024
            buffer = bytearray(256)
            await file.seek(0)
            assert await file.readinto(buffer) == 256 and buffer == LARGE[:256]


async def lines():
    expected = [f"tulip № {number}\n" for number in range(2000)]
    async with aiofiles.tempfile.NamedTemporaryFile("w+", encoding="utf-8") as file:
        await file.writelines(expected)
        await file.flush()
        async with aiofiles.open(file.name, encoding="utf-8") as reader:
            assert [line async for line in reader] == expected
            await reader.seek(0)
            assert await reader.readline() == expected[0]
            assert await reader.readlines() == expected[1:]


async def file_system():
    async with aiofiles.tempfile.TemporaryDirectory() as directory:
        nested = os.path.join(directory, "a", "b")
        await aiofiles.os.makedirs(nested)
        path = os.path.join(nested, "file")
        async with aiofiles.open(path, "xb") as file:
            await file.write(b"tulip")
        await aiofiles.os.rename(path, path + "2")
        assert await aiofiles.os.listdir(nested) == ["file2"]
        assert [entry.name for entry in await aiofiles.os.scandir(nested)] == ["file2"]
        assert await aiofiles.os.path.getsize(path + "2") == 5
        try:
            await aiofiles.os.remove(path)
        except FileNotFoundError as error:
            assert error.filename == path
        else:
            raise AssertionError("no FileNotFoundError")
    assert not await aiofiles.os.path.exists(directory)


async def many_at_once():
    async def copy(number, directory):
        path = os.path.join(directory, str(number))
        async with aiofiles.open(path, "w+b") as file:
            await file.write(LARGE[: number * 1000])
            await file.seek(0)
            return len(await file.read())

    with tempfile.TemporaryDirectory() as directory:
        sizes = await asyncio.gather(*(copy(number, directory) for number in range(100)))
    assert sizes == [number * 1000 for number in range(100)]


async def cancellation():
    """A reader of a FIFO into which nobody writes yet is cancelled; the file stays usable."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb", buffering=0) as writer:
        async with aiofiles.open(reading, "rb", buffering=0) as file:
            async with cancelled_after(asyncio.create_task(file.read(100))):
                await asyncio.sleep(0.01)
            writer.write(b"for the read that was cancelled")  # its thread goes on, as everywhere
            try:
                async with asyncio.timeout(0.05):
                    await file.read(100)
            except TimeoutError:
                writer.write(b"for the one that was late")
            writer.write(b"")


if __name__ == "__main__":
    run(bytes_and_positions, lines, file_system, many_at_once, cancellation, libraries=("aiofiles",))
