"""Starting child processes and waiting for their ends."""

import asyncio

PIPE = asyncio.subprocess.PIPE
AT_ONCE = 20


async def one_by_one(count: int) -> int:
    """Run ``true`` so many times, one after the other."""
    for _ in range(count):
        process = await asyncio.create_subprocess_exec("true")
        if await process.wait() != 0:
            raise RuntimeError("the exit status is wrong")
    return count


async def talking(count: int) -> int:
    """Run ``cat`` so many times, 20 at a time; each gets a line and gives it back."""

    async def talk() -> None:
        process = await asyncio.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE)
        if await process.communicate(b"hello\n") != (b"hello\n", None):
            raise RuntimeError("the output is wrong")

    done = 0
    while done < count:
        await asyncio.gather(*[talk() for _ in range(AT_ONCE)])
        done += AT_ONCE
    return done
