"""Asynchronous generators: the hooks of PEP 525, finalising and shutting down."""

import asyncio
import gc
import sys

import pytest
from helpers.accounting import turn
from helpers.running import on_loop, turns

pytestmark = pytest.mark.virtual_too


async def numbers(journal, awaits_at_the_end=1):
    """A generator that notes its end, which takes some turns of the loop."""
    try:
        for number in range(1000):
            yield number
    finally:
        await turns(awaits_at_the_end)
        journal.append("closed")


@on_loop
async def test_iteration(loop):
    journal = []
    assert [number async for number in numbers(journal)] == list(range(1000))
    assert journal == ["closed"]


@on_loop
async def test_abandoned_generator_is_closed_by_the_loop(loop):
    journal = []
    async for number in numbers(journal):
        if number == 3:
            break
    gc.collect()
    assert journal == []
    await turns(4)
    assert journal == ["closed"]


def test_generator_abandoned_between_two_runs(loop):
    async def start():
        generator = numbers(journal)
        await anext(generator)
        return generator

    journal = []
    generator = loop.run_until_complete(start())
    del generator
    gc.collect()
    assert journal == []
    turn(loop, 4)
    assert journal == ["closed"]


def test_shutdown_closes_all(loop):
    async def start():
        generators = [numbers(journal) for _ in range(5)]
        for generator in generators:
            await anext(generator)
        return generators

    journal = []
    generators = loop.run_until_complete(start())
    loop.run_until_complete(loop.shutdown_asyncgens())
    assert journal == ["closed"] * 5

    async def next_of(generator):
        return await anext(generator, "exhausted")

    assert [loop.run_until_complete(next_of(generator)) for generator in generators] == ["exhausted"] * 5


def test_shutdown_leaves_the_finished_alone(loop):
    async def main():
        return [number async for number in generator]

    journal = []
    generator = numbers(journal)
    loop.run_until_complete(main())
    loop.run_until_complete(loop.shutdown_asyncgens())
    assert journal == ["closed"]


def test_shutdown_without_generators_and_twice(loop):
    assert loop.run_until_complete(loop.shutdown_asyncgens()) is None
    assert loop.run_until_complete(loop.shutdown_asyncgens()) is None


def test_iteration_after_shutdown_warns(loop):
    async def main():
        generator = numbers([])
        with pytest.warns(ResourceWarning, match="asynchronous generator .* was scheduled after"):
            await anext(generator)
        await generator.aclose()

    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(main())


def test_error_while_closing_is_reported_and_does_not_stop_the_others(loop, loop_errors):
    async def broken():
        try:
            yield 1
        finally:
            raise ValueError("while closing")

    async def start():
        generators = [broken(), numbers(journal)]
        for generator in generators:
            await anext(generator)
        return generators

    journal = []
    generators = loop.run_until_complete(start())
    loop.run_until_complete(loop.shutdown_asyncgens())
    assert journal == ["closed"]
    (context,) = loop_errors
    assert isinstance(context["exception"], ValueError)
    assert context["asyncgen"] is generators[0]
    assert "closing of asynchronous generator" in context["message"]
    loop_errors.clear()


def test_error_while_an_abandoned_one_is_closed_is_reported(loop, loop_errors):
    async def broken():
        try:
            yield 1
        finally:
            raise ValueError("while closing")

    async def main():
        async for _ in broken():
            break
        gc.collect()
        await turns(3)

    loop.run_until_complete(main())
    gc.collect()
    assert [type(context["exception"]) for context in loop_errors] == [ValueError]
    loop_errors.clear()


def test_hooks_are_set_only_while_the_loop_runs(loop):
    async def main():
        return sys.get_asyncgen_hooks()

    before = sys.get_asyncgen_hooks()
    during = loop.run_until_complete(main())
    assert during.firstiter is not None and during.finalizer is not None
    assert sys.get_asyncgen_hooks() == before


@pytest.mark.parametrize("end", [SystemExit, KeyboardInterrupt, ValueError])
def test_hooks_of_others_come_back(loop, end):
    def firstiter(generator):
        raise AssertionError("not while the loop runs")

    async def fail():
        async for _ in numbers([]):
            pass
        raise end

    before = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(firstiter=firstiter)
    try:
        with pytest.raises(end):
            loop.run_until_complete(fail())
        assert sys.get_asyncgen_hooks() == (firstiter, None)
    finally:
        sys.set_asyncgen_hooks(*before)


def test_generator_lost_after_the_loop_was_closed(loop_factory):
    async def start():
        generator = numbers(journal, awaits_at_the_end=0)
        await anext(generator)
        return generator

    journal = []
    loop = loop_factory()
    generator = loop.run_until_complete(start())
    loop.run_until_complete(loop.shutdown_asyncgens())
    assert journal == ["closed"]
    loop.close()
    del generator
    gc.collect()


def test_run_closes_generators(loop_factory):
    async def main():
        kept.append(numbers(journal))
        await anext(kept[0])

    kept, journal = [], []
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(main())
        assert journal == []
    assert journal == ["closed"]


@on_loop
async def test_athrow_asend_and_aclose(loop):
    async def echo():
        value = "start"
        while True:
            try:
                value = yield value
                await asyncio.sleep(0)
            except KeyError as error:
                value = f"caught {error}"

    generator = echo()
    assert await anext(generator) == "start"
    assert await generator.asend("sent") == "sent"
    assert await generator.athrow(KeyError("thrown")) == "caught 'thrown'"
    await generator.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(generator)
