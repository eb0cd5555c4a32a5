"""PEP 492: `async with` and `async for` leave the same trace as the code that they are equivalent to."""

import sys
import types

import pytest
from helpers.traces import on_one_loop, traced, variable
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.virtual_too

ERRORS = (KeyError, ZeroDivisionError, StopAsyncIteration, GeneratorExit)
raising = st.tuples(st.just("raise"), st.sampled_from(ERRORS))
pauses = st.integers(0, 3)
cancellations = st.lists(st.integers(1, 10), max_size=3)


async def act(trace, name, pauses, outcome):
    """Pause, then return or raise, as described."""
    trace.note(f"{name} begins")
    await trace.pause(pauses)
    variable.set(f"set by {name}")
    if outcome[0] == "raise":
        raise outcome[1](name)
    trace.note(f"{name} ends")
    return outcome[1]


# --- async with --------------------------------------------------------------------------------------

outcomes = st.tuples(st.just("return"), st.sampled_from([None, False, True, "value"])) | raising
plans = st.tuples(pauses, outcomes)
managers = st.fixed_dictionaries({"enter": plans, "exit": plans})


class Manager:
    def __init__(self, trace, plan):
        self.trace, self.plan = trace, plan

    async def __aenter__(self):
        return await act(self.trace, "enter", *self.plan["enter"])

    async def __aexit__(self, *details):
        self.trace.note("exit gets", details[1])
        assert details == (None, None, None) or details == sys.exc_info()
        return await act(self.trace, "exit", *self.plan["exit"])


async def with_statement(trace, plan, block):
    async with Manager(trace, plan) as value:
        trace.note("entered", value)
        trace.note("block", await act(trace, "block", *block))
    trace.note("after")
    return "end"


async def with_expansion(trace, plan, block):
    manager = Manager(trace, plan)
    aexit = type(manager).__aexit__
    aenter = type(manager).__aenter__

    value = await aenter(manager)
    try:
        trace.note("entered", value)
        trace.note("block", await act(trace, "block", *block))
    except:  # noqa: E722
        if not await aexit(manager, *sys.exc_info()):
            raise
    else:
        await aexit(manager, None, None, None)
    trace.note("after")
    return "end"


@on_one_loop
@given(managers, plans, cancellations)
def test_async_with_is_its_expansion(loop, plan, block, cancel_at):
    statement, expansion = (
        traced(loop, lambda trace, form=form: form(trace, plan, block), cancel_at=cancel_at)
        for form in (with_statement, with_expansion)
    )
    assert statement == expansion


async def two_at_once(trace, plans, block):
    async with Manager(trace, plans[0]) as one, Manager(trace, plans[1]) as other:
        trace.note("entered", (one, other))
        await act(trace, "block", *block)


async def two_nested(trace, plans, block):
    async with Manager(trace, plans[0]) as one:
        async with Manager(trace, plans[1]) as other:
            trace.note("entered", (one, other))
            await act(trace, "block", *block)


@on_one_loop
@given(st.tuples(managers, managers), plans, cancellations)
def test_several_managers_in_one_statement_are_nested_ones(loop, plans, block, cancel_at):
    statement, expansion = (
        traced(loop, lambda trace, form=form: form(trace, plans, block), cancel_at=cancel_at)
        for form in (two_at_once, two_nested)
    )
    assert statement == expansion


async def leave_statement(trace, plan, way):
    for number in range(3):
        trace.note("round", number)
        async with Manager(trace, plan):
            await trace.pause()
            if way == "return":
                return "returned"
            if way == "break":
                break
            if way == "continue":
                continue
        trace.note("end of the block")
    return "end"


async def leave_expansion(trace, plan, way):
    for number in range(3):
        trace.note("round", number)
        manager = Manager(trace, plan)
        await type(manager).__aenter__(manager)
        failed = False
        try:
            await trace.pause()
            if way == "return":
                return "returned"
            if way == "break":
                break
            if way == "continue":
                continue
        except:  # noqa: E722
            failed = True
            if not await type(manager).__aexit__(manager, *sys.exc_info()):
                raise
        finally:
            if not failed:
                await type(manager).__aexit__(manager, None, None, None)
        trace.note("end of the block")
    return "end"


@on_one_loop
@given(managers, st.sampled_from(["return", "break", "continue", "fall through"]), cancellations)
def test_a_block_left_by_return_break_or_continue_awaits_aexit_too(loop, plan, way, cancel_at):
    statement, expansion = (
        traced(loop, lambda trace, form=form: form(trace, plan, way), cancel_at=cancel_at)
        for form in (leave_statement, leave_expansion)
    )
    assert statement == expansion


# --- async for ---------------------------------------------------------------------------------------

nexts = st.lists(st.tuples(pauses, st.tuples(st.just("return"), st.integers(0, 9)) | raising), max_size=4)
blocks = st.lists(
    st.tuples(pauses, st.tuples(st.just("return"), st.sampled_from(["go on", "break", "continue"])) | raising)
)
iterations = st.fixed_dictionaries({"nexts": nexts, "blocks": blocks, "else": plans})


class Iterable:
    def __init__(self, trace, plan):
        self.trace, self.plan = trace, plan

    def __aiter__(self):
        self.trace.note("aiter")
        return Iterator(self.trace, self.plan)


class Iterator:
    def __init__(self, trace, plan):
        self.trace, self.nexts = trace, iter(plan["nexts"])

    def __aiter__(self):
        raise AssertionError("only the iterable is asked for its iterator")

    async def __anext__(self):
        return await act(self.trace, "next", *next(self.nexts, (0, ("raise", StopAsyncIteration))))


async def for_statement(trace, plan):
    blocks = iter(plan["blocks"])
    async for target in Iterable(trace, plan):
        trace.note("target", target)
        answer = await act(trace, "block", *next(blocks, (0, ("return", "go on"))))
        if answer == "break":
            break
        if answer == "continue":
            continue
        trace.note("end of the block")
    else:
        await act(trace, "else", *plan["else"])
    trace.note("after")
    return "end"


async def for_expansion(trace, plan):
    blocks = iter(plan["blocks"])
    iterator = Iterable(trace, plan)
    iterator = type(iterator).__aiter__(iterator)
    running = True
    while running:
        try:
            target = await type(iterator).__anext__(iterator)
        except StopAsyncIteration:
            running = False
        else:
            trace.note("target", target)
            answer = await act(trace, "block", *next(blocks, (0, ("return", "go on"))))
            if answer == "break":
                break
            if answer == "continue":
                continue
            trace.note("end of the block")
    else:
        await act(trace, "else", *plan["else"])
    trace.note("after")
    return "end"


@on_one_loop
@given(iterations, cancellations)
def test_async_for_is_its_expansion(loop, plan, cancel_at):
    statement, expansion = (
        traced(loop, lambda trace, form=form: form(trace, plan), cancel_at=cancel_at)
        for form in (for_statement, for_expansion)
    )
    assert statement == expansion


async def rows_statement(trace, plan):
    async for row in Iterable(trace, plan):
        trace.note("row", row)


async def rows_expansion(trace, plan):
    iterator = Iterable(trace, plan).__aiter__()
    while True:
        try:
            row = await iterator.__anext__()
        except StopAsyncIteration:
            break
        else:
            trace.note("row", row)


@on_one_loop
@given(iterations, cancellations)
def test_the_cursor_of_example_1_is_its_equivalent_code(loop, plan, cancel_at):
    statement, expansion = (
        traced(loop, lambda trace, form=form: form(trace, plan), cancel_at=cancel_at)
        for form in (rows_statement, rows_expansion)
    )
    assert statement == expansion


# --- await -------------------------------------------------------------------------------------------


class FutureLike:
    def __init__(self, coroutine):
        self.coroutine = coroutine

    def __await__(self):
        return self.coroutine.__await__()


class OwnIterator(FutureLike):
    """An iterator with no more than the methods that PEP 380 asks for."""

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        return self.coroutine.send(None)

    def send(self, value):
        return self.coroutine.send(value)

    def throw(self, *details):
        return self.coroutine.throw(*details)

    def close(self):
        self.coroutine.close()


def _delegating(coroutine):
    return (yield from coroutine)


generator_based = types.coroutine(_delegating)


@on_one_loop
@given(plans, cancellations, st.sampled_from([FutureLike, OwnIterator, generator_based]), st.integers(1, 3))
def test_await_of_any_awaitable_is_await_of_the_coroutine(loop, plan, cancel_at, wrap, depth):
    async def bare(trace):
        return await act(trace, "body", *plan)

    async def wrapped(trace):
        awaitable = act(trace, "body", *plan)
        for _ in range(depth):
            # What yields from a coroutine has to be a coroutine; so each layer is one.
            awaitable = await_it(wrap(awaitable))
        return await awaitable

    async def await_it(awaitable):
        return await awaitable

    assert traced(loop, bare, cancel_at=cancel_at) == traced(loop, wrapped, cancel_at=cancel_at)
