"""staggered_race, as asyncio's of Python 3.15."""

from asyncio import CancelledError, get_running_loop

from tulipa._highlevel.waiting import FIRST_COMPLETED, wait


async def staggered_race(coro_fns, delay, *, loop=None):
    """Call `coro_fns` one after the other; the first coroutine to return wins, the others are cancelled.

    Each starts `delay` seconds after the one before, or as soon as that has failed; where `delay` is None only then.
    Gives (result, index, exceptions): of the winner, or (None, None, exceptions) where all have failed.
    `exceptions` has an entry for each that was started, None for the winner's. None is left running, however this
    ends.
    """
    race = _Race(get_running_loop() if loop is None else loop)
    try:
        for coro_fn in coro_fns:
            race.start(coro_fn)
            await race.go_on(delay)
            if race.winner is not None:
                break
        await race.finish()
    except GeneratorExit:
        race.cancel()
        raise
    except BaseException:
        await race.clear_up()
        raise
    await race.clear_up()
    result, index = race.winner or (None, None)
    return result, index, race.exceptions


class _Race:
    def __init__(self, loop):
        self._loop = loop
        self._tasks = []
        self.winner = None
        self.exceptions = []

    def start(self, coro_fn):
        self.exceptions.append(None)
        self._tasks.append(self._loop.create_task(self._attempt(len(self._tasks), coro_fn)))

    async def _attempt(self, index, coro_fn):
        try:
            result = await coro_fn()
        except (GeneratorExit, SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self.exceptions[index] = exc
        else:
            if self.winner is None:
                self.winner = result, index

    async def go_on(self, delay):
        """Wait until the next one may start, or one has won."""
        deadline = None if delay is None else self._loop.time() + delay
        while self.winner is None and not self._tasks[-1].done():
            left = None if deadline is None else deadline - self._loop.time()
            if left is not None and left <= 0:
                return
            await wait(self._running(), timeout=left, return_when=FIRST_COMPLETED)

    async def finish(self):
        """Wait until one has won, or all have failed."""
        while self.winner is None and (running := self._running()):
            await wait(running, return_when=FIRST_COMPLETED)

    def cancel(self):
        for task in self._running():
            task.cancel()

    async def clear_up(self):
        """Cancel what still runs and wait for it; cancellation meanwhile is raised when that is done."""
        cancelled = None
        self.cancel()
        while running := self._running():
            try:
                await wait(running)
            except CancelledError as exc:
                cancelled = exc
                self.cancel()
        for task in self._tasks:
            if not task.cancelled():
                task.result()  # SystemExit and KeyboardInterrupt: they are not for the race to deal with
        if cancelled is not None:
            try:
                raise cancelled
            finally:
                cancelled = None

    def _running(self):
        return [task for task in self._tasks if not task.done()]
