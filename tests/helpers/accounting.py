"""Counting what a loop holds, so that a test can show that nothing was left behind."""

import asyncio
import gc
import os
import threading

_THREAD_PATIENCE = 30  # seconds; only ever used up by a thread that hangs
_FD_DIRECTORY = "/proc/self/fd"


def open_descriptors():
    """The process's open descriptors, number to what it leads to; empty where the system does not tell."""
    found = {}
    try:
        numbers = os.listdir(_FD_DIRECTORY)
    except OSError:
        return found
    for number in numbers:
        try:
            found[int(number)] = os.readlink(f"{_FD_DIRECTORY}/{number}")
        except OSError:
            pass  # the descriptor that listed the directory
    return found


def timer_count(loop):
    """How many timers the loop still means to run."""
    if hasattr(loop, "_pending_counts"):
        return loop._pending_counts()[1]
    return sum(not handle.cancelled() for handle in loop._scheduled)


def ready_count(loop):
    """How many callbacks wait in the ready queue."""
    if hasattr(loop, "_pending_counts"):
        return loop._pending_counts()[0]
    return sum(not handle.cancelled() for handle in loop._ready)


def watcher_count(loop):
    """How many descriptors the loop watches, its own included."""
    if hasattr(loop, "_pending_counts"):
        return loop._pending_counts()[2]
    return len(loop._selector.get_map())


def turn(loop, count=1):
    """Let the loop run that many iterations, without waiting for anything."""
    for _ in range(count):
        loop.call_soon(loop.stop)
        loop.run_forever()


class LoopAudit:
    """Compares what a loop holds when a test ends with what it held at the start.

    Make it before the loop, give it the loop with `watch`, then `finish` closes the loop and returns what is
    wrong with it, one sentence each.
    """

    def __init__(self):
        self._descriptors = open_descriptors()
        self._threads = set(threading.enumerate())
        self._loop = None
        self._watchers = 0

    def watch(self, loop):
        self._loop = loop
        self._watchers = watcher_count(loop)

    def finish(self):
        complaints = []
        if not self._loop.is_closed():
            try:
                complaints += self._check_open_loop()
                self._shut_down()
            finally:
                self._loop.close()
        tasks = asyncio.all_tasks(self._loop)
        if tasks:
            complaints.append(f"tasks outlive the loop: {tasks!r}")
        complaints += self._check_threads()
        complaints += self._check_descriptors()
        return complaints

    def _check_open_loop(self):
        loop, complaints = self._loop, []
        # Transports finish dying, done callbacks get called.
        turn(loop, 3)
        tasks = asyncio.all_tasks(loop)
        if tasks:
            complaints.append(f"tasks are pending: {tasks!r}")
            self._cancel(tasks)
        if timer_count(loop):
            complaints.append(f"{timer_count(loop)} timers are scheduled")
        if ready_count(loop):
            complaints.append(f"{ready_count(loop)} callbacks are ready, and more each turn")
        if watcher_count(loop) != self._watchers:
            complaints.append(f"{watcher_count(loop)} descriptors watched, {self._watchers} at the start")
        return complaints

    def _cancel(self, tasks):
        for task in tasks:
            task.cancel()
        turn(self._loop, 3)

    def _shut_down(self):
        self._loop.set_task_factory(None)
        # While the exception handler is there: what the collector finds is reported to the test that lost it.
        gc.collect()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())

    def _check_threads(self):
        """One that has just woken the loop for the last time may need a moment to end, and holds descriptors."""
        new = set(threading.enumerate()) - self._threads
        for thread in new:
            thread.join(_THREAD_PATIENCE)
        return [f"a thread goes on: {thread!r}" for thread in new if thread.is_alive()]

    def _check_descriptors(self):
        now = open_descriptors()
        if len(now) == len(self._descriptors):
            return []
        opened = {fd: target for fd, target in now.items() if self._descriptors.get(fd) != target}
        closed = {fd: target for fd, target in self._descriptors.items() if now.get(fd) != target}
        counts = f"{len(self._descriptors)} at the start, {len(now)} now"
        return [f"descriptors: {counts}; new {opened}, gone {closed}"]
