"""PEP 530, asynchronous comprehensions: each does what its loops do, whatever waits, fails or is cancelled in it."""

import ast
import asyncio
import inspect
import types

import pytest
from helpers.running import on_loop
from helpers.traces import on_one_loop, traced, variable
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.virtual_too


# --- what comprehensions are made of -----------------------------------------------------------------


class Source:
    """Numbers to iterate over in both ways, with pauses and an error, all of it noted."""

    def __init__(self, trace, name, length, fails_at, pauses):
        self.trace, self.name = trace, name
        self.length, self.fails_at, self.pauses = length, fails_at, pauses

    def __iter__(self):
        self.trace.note(f"{self.name}: iter")
        for number in range(self.length):
            if number == self.fails_at:
                raise KeyError(self.name, number)
            self.trace.note(f"{self.name}: next", number)
            yield number

    async def __aiter__(self):
        self.trace.note(f"{self.name}: iter")
        for number in range(self.length):
            await self.trace.pause(self.pauses)
            variable.set(f"{self.name} gave {number}")
            if number == self.fails_at:
                raise KeyError(self.name, number)
            self.trace.note(f"{self.name}: next", number)
            yield number


@st.composite
def clauses(draw, name, outer):
    """One `for` with its conditions; it may iterate again over an outer one's source."""
    conditions = [f"{name} % 2", f"{name} < 3", f"await check({name})", f"await truth({name}) or {name} == 1"]
    return {
        "target": name,
        "async": draw(st.booleans()),
        "source": draw(st.integers(0, outer)),
        "conditions": draw(st.lists(st.sampled_from(conditions), max_size=2)),
    }


@st.composite
def comprehensions(draw):
    count = draw(st.integers(1, 3))
    names = [f"x{number}" for number in range(count)]
    total = " + ".join(names)
    return {
        "kind": draw(st.sampled_from(["list", "set", "dict", "generator"])),
        "element": draw(st.sampled_from([names[-1], total, f"await truth({total})", f"(await truth({total})) * 2"])),
        "key": draw(st.sampled_from([total, f"await truth({names[0]})", names[-1]])),
        "clauses": [draw(clauses(name, number)) for number, name in enumerate(names)],
    }


sources = st.lists(
    st.tuples(st.integers(0, 3), st.none() | st.integers(0, 2), st.integers(0, 2)), min_size=3, max_size=3
)
cancellations = st.lists(st.integers(1, 12), max_size=2)

BRACKETS = {"list": "[{}]", "set": "{{{}}}", "dict": "{{{}}}", "generator": "[item async for item in ({})]"}
EMPTY = {"list": "[]", "set": "set()", "dict": "{}", "generator": "[]"}
ADD = {"list": "result.append({element})", "set": "result.add({element})", "generator": "yield {element}"}


def as_comprehension(shape):
    element = f"{shape['key']}: {shape['element']}" if shape["kind"] == "dict" else shape["element"]
    parts = [element]
    for clause in shape["clauses"]:
        parts.append(f"{'async ' * clause['async']}for {clause['target']} in sources[{clause['source']}]")
        parts += [f"if {condition}" for condition in clause["conditions"]]
    return [f"return {BRACKETS[shape['kind']].format(' '.join(parts))}"]


def as_loops(shape):
    lines = []
    for clause in shape["clauses"]:
        lines.append(f"{'async ' * clause['async']}for {clause['target']} in sources[{clause['source']}]:")
        lines += [f"if {condition}:" for condition in clause["conditions"]]
    if shape["kind"] == "dict":
        # The key comes first, since Python 3.8.
        lines.append(f"result.__setitem__({shape['key']}, {shape['element']})")
    else:
        lines.append(ADD[shape["kind"]].format(element=shape["element"]))
    lines = [" " * depth + line for depth, line in enumerate(lines)]
    if shape["kind"] == "generator":
        return [
            "async def generator():",
            *(" " + line for line in lines),
            "return [item async for item in generator()]",
        ]
    return [f"result = {EMPTY[shape['kind']]}", *lines, "return result"]


def is_asynchronous(shape):
    """Whether `async for` or `await` stands inside of the scope that a generator expression makes."""
    return any("await" in text for text in _texts(shape)) or any(clause["async"] for clause in shape["clauses"])


def _texts(shape):
    yield shape["element"]
    for clause in shape["clauses"]:
        yield from clause["conditions"]


def events_of(loop, lines, described_sources, cancel_at):
    source = "async def program(sources, truth, check):\n" + "\n".join(f"    {line}" for line in lines)
    namespace = {}
    exec(compile(source, "<program>", "exec"), namespace)

    async def program(trace):
        async def truth(value):
            trace.note("truth of", value)
            await trace.pause(value % 3)
            return value

        async def check(value):
            await trace.pause()
            if value == 2:
                raise ZeroDivisionError(value)
            return value

        made = [Source(trace, number, *described) for number, described in enumerate(described_sources)]
        return await namespace["program"](made, truth, check)

    return traced(loop, program, cancel_at=cancel_at)


@on_one_loop
@given(comprehensions().filter(is_asynchronous), sources, cancellations)
def test_comprehensions_do_what_their_loops_do(loop, shape, described_sources, cancel_at):
    comprehension = events_of(loop, as_comprehension(shape), described_sources, cancel_at)
    loops = events_of(loop, as_loops(shape), described_sources, cancel_at)
    assert comprehension == loops, "\n".join(as_comprehension(shape) + as_loops(shape))


# --- clauses by themselves ---------------------------------------------------------------------------


async def numbers(count=3):
    for number in range(count):
        await asyncio.sleep(0)
        yield number


def functions():
    async def give(value):
        await asyncio.sleep(0)
        return value

    return [lambda value=value: give(value) for value in (1, 2, 2)]


@on_loop
async def test_async_for_in_every_kind(loop):
    assert {i async for i in numbers()} == {0, 1, 2}
    assert [i async for i in numbers()] == [0, 1, 2]
    assert {i: i**2 async for i in numbers()} == {0: 0, 1: 1, 2: 4}
    generator = (i**2 async for i in numbers())
    assert isinstance(generator, types.AsyncGeneratorType) and inspect.isasyncgen(generator)
    assert [i async for i in generator] == [0, 1, 4]


@on_loop
async def test_async_for_along_with_if_and_for(loop):
    async def lines():
        for count in (2, 3):
            await asyncio.sleep(0)
            yield numbers(count)

    assert {data async for line in lines() async for data in line if data} == {1, 2}
    assert [data for line in [numbers(2), numbers(1)] async for data in line] == [0, 1, 0]
    assert [(i, j) async for i in numbers(2) for j in "ab" if i] == [(1, "a"), (1, "b")]


@on_loop
async def test_await_in_every_kind(loop):
    async def truth(value=True):
        await asyncio.sleep(0)
        return value

    async def some():
        for function in functions():
            yield function

    assert [await function() for function in functions()] == [1, 2, 2]
    assert {await function() for function in functions()} == {1, 2}
    assert list({function: await function() for function in functions()}.values()) == [1, 2, 2]
    assert [await function() for function in functions() if await truth(False)] == []
    assert {await function() for function in functions() if await truth()} == {1, 2}
    assert [await function() async for function in some() if await truth()] == [1, 2, 2]
    assert {await function() async for function in some()} == {1, 2}
    assert list({function: await function() async for function in some() if await truth()}.values()) == [1, 2, 2]


@on_loop
async def test_generator_expression_with_await_is_asynchronous(loop):
    generator = (await function() for function in functions())
    assert inspect.isasyncgen(generator)
    assert [item async for item in generator] == [1, 2, 2]


@on_loop
async def test_generator_expression_evaluates_its_first_iterable_at_once(loop):
    with pytest.raises(ZeroDivisionError):
        (i async for i in 1 / 0)
    with pytest.raises(TypeError):
        (i async for i in [1, 2])


INVALID_OUTSIDE = [
    "[i async for i in x]",
    "{i async for i in x}",
    "{i: i async for i in x}",
    "[await i for i in x]",
    "{await i for i in x}",
    "[i for i in x if await i]",
]


@pytest.mark.parametrize("expression", INVALID_OUTSIDE)
def test_only_allowed_inside_an_async_def_function(expression):
    with pytest.raises(SyntaxError):
        compile(f"def function(x):\n    return {expression}", "<test>", "exec")
    compile(f"async def function(x):\n    return {expression}", "<test>", "exec")


def test_generator_expressions_are_allowed_in_any_context(loop):
    def plain():
        return (number * 2 async for number in numbers())

    async def main():
        return [number async for number in plain()]

    assert loop.run_until_complete(main()) == [0, 2, 4]


def test_ast_has_is_async():
    tree = ast.parse("async def function(): return [i async for i in x for j in i]")
    (comprehension,) = [node for node in ast.walk(tree) if isinstance(node, ast.ListComp)]
    assert [generator.is_async for generator in comprehension.generators] == [1, 0]
