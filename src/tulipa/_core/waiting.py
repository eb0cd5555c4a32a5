"""The waiting half of `sleep`: an ordinary coroutine, so that stacks and `await` chains show it."""

import asyncio


async def sleep_until_timer(delay, result):
    """Sleep for `delay` seconds, then give `result`."""
    if delay != delay:
        raise ValueError("Invalid delay: NaN (not a number)")
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    timer = loop.call_later(delay, _end, future)
    try:
        await future
    finally:
        timer.cancel()
    return result


def _end(future):
    if not future.done():
        future.set_result(None)
