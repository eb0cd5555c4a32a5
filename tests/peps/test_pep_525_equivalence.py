"""PEP 525: asynchronous generators replicate regular ones, driven by any sequence of sends, throws and closes."""

import asyncio

import pytest
from helpers.running import turns
from helpers.traces import on_one_loop, traced, variable
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.virtual_too


# --- bodies of generators, as source in both forms -----------------------------------------------------

leaves = st.one_of(
    st.tuples(st.just("yield"), st.integers(0, 9)),
    st.tuples(st.just("pause"), st.integers(1, 2)),
    st.tuples(st.just("raise"), st.sampled_from(["KeyError", "ZeroDivisionError", "StopIteration"])),
    st.tuples(st.just("return"), st.none()),
    st.tuples(st.just("set"), st.integers(0, 9)),
)


def blocks_of(statements):
    blocks = st.lists(statements, min_size=1, max_size=3)
    return st.one_of(
        st.tuples(st.just("loop"), st.integers(1, 2), blocks),
        st.tuples(st.just("except"), st.sampled_from(["KeyError", "LookupError", "ZeroDivisionError"]), blocks, blocks),
        st.tuples(st.just("finally"), blocks, st.lists(st.tuples(st.just("pause"), st.integers(1, 2)), max_size=2)),
    )


bodies = st.lists(st.recursive(leaves, blocks_of, max_leaves=12), min_size=1, max_size=5)


def source_of(body, pause):
    """The lines of a body; pausing is written as `pause`, with the number in it."""
    lines = []
    for kind, value, *rest in body:
        if kind == "yield":
            lines += [f"trace.note('yielding', {value})", f"trace.note('sent', (yield {value}))"]
        elif kind == "pause":
            lines.append(pause.format(value))
        elif kind == "raise":
            lines.append(f"raise {value}('raised')")
        elif kind == "return":
            lines.append("return")
        elif kind == "set":
            lines.append(f"variable.set({value})")
        elif kind == "loop":
            lines += [f"for _ in range({value}):", *indented(rest[0], pause)]
        elif kind == "except":
            lines += ["try:", *indented(rest[0], pause), f"except {value} as error:"]
            lines += [" trace.note('caught', error)", *indented(rest[1], pause)]
        else:
            lines += ["try:", *indented(value, pause), "finally:"]
            lines += [" trace.note('finally')", *indented(rest[0], pause)]
    return lines


def indented(body, pause):
    return [" " + line for line in source_of(body, pause)]


def function_of(definition, body, pause):
    # The last line makes a generator of it, whatever the body is.
    lines = [definition, *indented(body, pause), " if False: yield"]
    namespace = {"variable": variable}
    exec(compile("\n".join(lines), "<generator>", "exec"), namespace)
    return namespace["generator"]


def asynchronous(body):
    return function_of("async def generator(trace):", body, "await trace.pause({})")


def regular(body):
    return function_of("def generator(trace):", body, "trace.note('pause')")


# --- driving them --------------------------------------------------------------------------------------

operations = st.lists(
    st.one_of(
        st.tuples(st.just("next"), st.none()),
        st.tuples(st.just("next"), st.none()),
        st.tuples(st.just("send"), st.none() | st.integers(10, 19)),
        st.tuples(st.just("throw"), st.sampled_from([KeyError, ZeroDivisionError, GeneratorExit])),
        st.tuples(st.just("close"), st.none()),
    ),
    max_size=8,
)


def seen_of_the_regular(generator, script):
    seen = []
    for name, value in [*script, ("close", None)]:
        try:
            if name == "next":
                seen.append(next(generator))
            elif name == "send":
                seen.append(generator.send(value))
            elif name == "throw" and generator.gi_frame is None:
                seen.append("ended")
            elif name == "throw":
                seen.append(generator.throw(value("thrown")))
            else:
                seen.append(generator.close())
        except BaseException as error:
            seen.append(plainly(error))
    return seen


async def seen_of_the_asynchronous(generator, script):
    seen = []
    for name, value in [*script, ("close", None)]:
        try:
            if name == "next":
                seen.append(await generator.__anext__())
            elif name == "send":
                seen.append(await generator.asend(value))
            elif name == "throw" and generator.ag_frame is None:
                # Here the two differ: of an asynchronous generator that has ended athrow() gives None.
                assert await generator.athrow(value("thrown")) is None
                seen.append("ended")
            elif name == "throw":
                seen.append(await generator.athrow(value("thrown")))
            else:
                seen.append(await generator.aclose())
        except BaseException as error:
            seen.append(plainly(error))
    return seen


def plainly(error):
    """An error of either kind of generator, as one of a regular one."""
    kind = StopIteration if type(error) is StopAsyncIteration else type(error)
    arguments = tuple(str(argument).replace("async ", "") for argument in error.args)
    return kind, arguments, type(error.__cause__)


PAUSES = ("pausing", "going on", "pause")


def without_pauses(events):
    """What is left of a trace where one form has pauses, and so other turns of the loop."""
    return [event[1:] for event in events if event[1] not in PAUSES]


@on_one_loop
@given(bodies, operations)
def test_asynchronous_generators_replicate_regular_ones(loop, body, script):
    async def drive(trace):
        return await seen_of_the_asynchronous(asynchronous(body)(trace), script)

    async def drive_regular(trace):
        return seen_of_the_regular(regular(body)(trace), script)

    assert without_pauses(traced(loop, drive)) == without_pauses(traced(loop, drive_regular))


# --- against an iterator written by hand, and delegation -------------------------------------------------

steps = st.lists(
    st.tuples(st.integers(0, 2), st.tuples(st.just("give"), st.integers(0, 9)) | st.tuples(st.just("fail"), st.none())),
    max_size=6,
)
cancellations = st.lists(st.integers(1, 12), max_size=2)


async def by_generator(trace, plan):
    for pauses, (what, value) in plan:
        await trace.pause(pauses)
        if what == "fail":
            raise KeyError(value)
        trace.note("giving", value)
        yield value


class ByHand:
    def __init__(self, trace, plan):
        self.trace, self.steps = trace, iter(plan)

    def __aiter__(self):
        return self

    async def __anext__(self):
        for pauses, (what, value) in self.steps:
            await self.trace.pause(pauses)
            if what == "fail":
                raise KeyError(value)
            self.trace.note("giving", value)
            return value
        raise StopAsyncIteration


async def delegating(trace, plan):
    async for value in by_generator(trace, plan):
        yield value


@on_one_loop
@given(steps, cancellations, st.integers(1, 8))
@pytest.mark.parametrize("other", [ByHand, delegating])
def test_iteration_over_a_generator_is_that_over_an_iterator_by_hand(loop, other, plan, cancel_at, leave_after):
    def iterating(make):
        async def program(trace):
            taken = []
            async for value in make(trace, plan):
                trace.note("taking", value)
                taken.append(value)
                await trace.pause()
                if len(taken) == leave_after:
                    break
            return taken

        return program

    assert traced(loop, iterating(by_generator), cancel_at=cancel_at) == traced(
        loop, iterating(other), cancel_at=cancel_at
    )


# --- finalization ----------------------------------------------------------------------------------------


@on_one_loop
@given(bodies, st.integers(0, 4))
def test_a_dropped_generator_ends_as_by_aclose(loop, body, taken):
    """The loop's finalizer runs `aclose()`, so the same code runs to the end; only its turns are others."""

    async def take(generator):
        for _ in range(taken):
            try:
                await generator.asend(None)
            except BaseException as error:
                return plainly(error)

    async def dropping(trace):
        generator = asynchronous(body)(trace)
        seen = await take(generator)
        del generator
        await turns(2)  # the finalizer makes a task
        while len(asyncio.all_tasks()) > 1:
            await turns(1)
        return seen

    async def closing(trace):
        generator = asynchronous(body)(trace)
        seen = await take(generator)
        await generator.aclose()
        return seen

    dropped, closed = traced(loop, dropping), traced(loop, closing)
    names = [event[1:3] for event in dropped]
    assert names == [event[1:3] for event in closed]
