"""Traces: everything observable of a program's run, so that two forms of one program can be compared.

An event is (turn of the loop, name, value, context variable, exception being handled); exceptions are described with
all that hangs on them.
"""

import asyncio
import contextvars
import sys

from hypothesis import HealthCheck, settings

variable = contextvars.ContextVar("variable", default="untouched")

# The fixture `loop` serves all examples of a test; each starts its own task, with a context of its own.
on_one_loop = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def described(value):
    """A value that compares equal for equal exceptions; others stay as they are."""
    if not isinstance(value, BaseException):
        return value
    return (
        type(value),
        value.args,
        described(value.__cause__),
        described(value.__context__),
        value.__suppress_context__,
    )


class Trace:
    """The events of one run; the program calls `note`, and sleeps by `pause`."""

    def __init__(self, loop):
        self.events = []
        self.turn = 0
        self._loop = loop
        self._interrupts = {}

    def note(self, name, value=None):
        self.events.append((self.turn, name, described(value), variable.get(), described(sys.exc_info()[1])))

    async def pause(self, times=1):
        """Let the loop turn, by turns in both of the ways in which a coroutine waits."""
        for _ in range(times):
            self.note("pausing")
            if self.turn % 2:
                await asyncio.sleep(0)
            else:
                future = self._loop.create_future()
                self._loop.call_soon(lambda future=future: future.done() or future.set_result("went on"))
                assert await future == "went on"
            self.note("going on")

    def run(self, program, *, cancel_at=()):
        """Run `program(trace)` in a task, which is cancelled in those turns; returns the events, its end included."""
        task = self._loop.create_task(self._whole(program))
        ticking = self._loop.call_soon(self._tick, task, frozenset(cancel_at))
        self._ticking = ticking
        self._loop.run_until_complete(task)
        self._ticking.cancel()
        return self.events

    def _tick(self, task, cancel_at):
        self.turn += 1
        if self.turn in cancel_at:
            self.events.append((self.turn, "cancel", task.cancel(f"in turn {self.turn}")))
        self._ticking = self._loop.call_soon(self._tick, task, cancel_at)

    async def _whole(self, program):
        try:
            result = await program(self)
        except BaseException as error:
            self.note("raised", error)
        else:
            self.note("returned", result)


def traced(loop, program, **options):
    """The events of a run of `program(trace)` on the loop."""
    return Trace(loop).run(program, **options)
