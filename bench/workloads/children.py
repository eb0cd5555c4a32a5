"""Starting child processes and waiting for their ends."""

import asyncio
import resource
import shutil

TRUE = shutil.which("true") or "true"
PIPE = asyncio.subprocess.PIPE
AT_ONCE = 10


def processor_ns() -> float:
    """Processor time of this process and of all children that have ended."""
    used = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        used += usage.ru_utime + usage.ru_stime
    return used * 1e9


async def run() -> None:
    process = await asyncio.create_subprocess_exec(TRUE)
    if status := await process.wait():
        raise RuntimeError(f"{TRUE} ended with status {status}")


async def one_by_one(count: int) -> int:
    """Start a child and wait for it, again and again."""
    for _ in range(count):
        await run()
    return count


async def ten_at_once(count: int) -> int:
    """Ten are started together and waited for."""
    done = 0
    while done < count:
        done += len(await asyncio.gather(*[run() for _ in range(AT_ONCE)]))
    return done


async def talk() -> None:
    process = await asyncio.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE)
    if await process.communicate(b"hello\n") != (b"hello\n", None):
        raise RuntimeError("the output of cat is wrong")


async def talking(count: int) -> int:
    """Ten at once get a line through a pipe and give it back through another, by communicate()."""
    done = 0
    while done < count:
        done += len(await asyncio.gather(*[talk() for _ in range(AT_ONCE)]))
    return done
