"""A staggered race: several attempts at the same thing, the later ones where the earlier ones take long."""

import asyncio


async def staggered_race(attempts, delay, discard):
    """Have `attempts` (functions that give a coroutine) compete for the first success.

    Each starts `delay` seconds after the one before, or as soon as that has failed. When one has won, the
    others are cancelled; `discard(result)` gets rid of what one of them achieved nevertheless.

    Gives (the winner's result, []), or (None, the exceptions in the order of `attempts`) if all have failed.
    """
    loop = asyncio.get_running_loop()
    tasks = []
    winner = None
    try:
        for attempt in attempts:
            tasks.append(loop.create_task(attempt()))
            last = len(tasks) == len(attempts)
            winner = await _first_success(tasks, None if last else delay)
            if winner is not None:
                return winner.result(), []
        return None, [task.exception() for task in tasks]
    finally:
        for task in tasks:
            if task is not winner:
                task.cancel()
                task.add_done_callback(lambda loser: _clear_up(loser, discard))


async def _first_success(tasks, delay):
    """The first of `tasks` to succeed; None when it is time for the next attempt, or all have failed.

    It is time when `delay` is over or the newest of them has failed; never, where the delay is None.
    """
    loop = asyncio.get_running_loop()
    deadline = None if delay is None else loop.time() + delay
    while True:
        for task in tasks:
            if task.done() and not task.cancelled() and task.exception() is None:
                return task
        running = [task for task in tasks if not task.done()]
        left = None if deadline is None else deadline - loop.time()
        if not running or (left is not None and (left <= 0 or tasks[-1].done())):
            return None
        await asyncio.wait(running, timeout=left, return_when=asyncio.FIRST_COMPLETED)


def _clear_up(task, discard):
    if not task.cancelled() and task.exception() is None:
        discard(task.result())
