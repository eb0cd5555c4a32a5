"""The call graph: capture_call_graph, format_call_graph, print_call_graph."""

import asyncio
import io
import re

import pytest
from helpers.running import cancelled, on_loop, turns

# Other than the reference, on every loop and for the standard library's futures too.
pytestmark = [pytest.mark.virtual_too, pytest.mark.reference_since(3, 14)]


async def deep(future):
    await deeper(future)


async def deeper(future):
    return await future


def names(graph):
    return [entry.frame.f_code.co_name for entry in graph.call_stack]


def awaiters(graph):
    return {below.future for below in graph.awaited_by}


@on_loop
async def test_a_waiting_task(loop, lib):
    future = loop.create_future()
    task = loop.create_task(deep(future), name="waiting")
    await turns()
    graph = lib.capture_call_graph(task)
    assert graph.future is task and names(graph) == ["deeper", "deep"] and graph.awaited_by == ()
    (below,) = lib.capture_call_graph(future).awaited_by
    assert below.future is task and names(below) == ["deeper", "deep"]
    await cancelled(task)
    assert lib.capture_call_graph(future).awaited_by == ()


@on_loop
async def test_the_current_task(loop, lib):
    def plain():
        return lib.capture_call_graph()

    async def inner():
        return plain()

    async def outer():
        return await inner()

    task = loop.create_task(outer())
    graph = await task
    assert graph.future is task and names(graph) == ["plain", "inner", "outer"]
    assert names(lib.capture_call_graph(asyncio.current_task()))[0] == "test_the_current_task"
    assert lib.capture_call_graph(depth=2) is not None


@on_loop
async def test_who_awaits_the_current_task(loop, lib):
    async def look():
        return lib.capture_call_graph()

    async def wait():
        return await look_task

    look_task = loop.create_task(look())
    waiting = loop.create_task(wait())
    graph = await waiting
    assert awaiters(graph) <= {waiting}
    look_task = loop.create_task(look_after_a_turn(lib))
    waiting = loop.create_task(wait())
    assert awaiters(await waiting) == {waiting}


async def look_after_a_turn(lib):
    await turns(2)
    return lib.capture_call_graph()


@on_loop
async def test_limit(loop, lib):
    task = loop.create_task(deep(loop.create_future()))
    await turns()
    assert names(lib.capture_call_graph(task, limit=1)) == ["deep"]
    assert names(lib.capture_call_graph(task, limit=-1)) == ["deeper"]
    assert names(lib.capture_call_graph(task, limit=0)) == []
    assert names(lib.capture_call_graph(task, limit=5)) == ["deeper", "deep"]

    async def inner(limit):
        return lib.capture_call_graph(limit=limit)

    async def outer(limit):
        return await inner(limit)

    for limit, expected in ((1, ["outer"]), (-1, ["inner"]), (0, [])):
        assert names(await loop.create_task(outer(limit))) == expected
    await cancelled(task)


@on_loop
async def test_groups_and_gatherings_are_seen(loop, lib):
    async def in_group():
        async with lib.TaskGroup() as group:
            children.append(group.create_task(deep(loop.create_future())))

    async def in_gather():
        children.append(loop.create_task(deep(loop.create_future())))
        await lib.gather(children[1])

    async def in_wait():
        children.append(loop.create_task(deep(loop.create_future())))
        await lib.wait([children[2]])

    async def in_shield():
        children.append(loop.create_task(deep(loop.create_future())))
        await lib.shield(children[3])

    children = []
    parents = [loop.create_task(parent()) for parent in (in_group, in_gather, in_wait, in_shield)]
    await turns(3)
    assert awaiters(lib.capture_call_graph(children[0])) == {parents[0]}
    (gathering,) = lib.capture_call_graph(children[1]).awaited_by
    assert asyncio.isfuture(gathering.future) and awaiters(gathering) == {parents[1]}
    assert awaiters(lib.capture_call_graph(children[2])) == {parents[2]}
    assert parents[3] in awaiters(lib.capture_call_graph(children[3]))
    await cancelled(*parents)
    await cancelled(*children)


@on_loop
async def test_what_is_told(loop, lib):
    future, waiter = loop.create_future(), loop.create_future()
    lib.future_add_to_awaited_by(future, waiter)
    lib.future_add_to_awaited_by(future, waiter)
    assert awaiters(lib.capture_call_graph(future)) == {waiter}
    lib.future_discard_from_awaited_by(future, waiter)
    assert lib.capture_call_graph(future).awaited_by == ()
    lib.future_discard_from_awaited_by(future, waiter)
    lib.future_add_to_awaited_by(future, object())
    lib.future_add_to_awaited_by(object(), waiter)
    assert lib.capture_call_graph(future).awaited_by == ()


@pytest.mark.ours_only
@on_loop
async def test_circles_end(loop, lib):
    first, second = loop.create_future(), loop.create_future()
    lib.future_add_to_awaited_by(first, second)
    lib.future_add_to_awaited_by(second, first)
    (below,) = lib.capture_call_graph(first).awaited_by
    assert below.future is second and below.awaited_by == ()


@on_loop
async def test_as_text(loop, lib):
    future = loop.create_future()
    task = loop.create_task(deep(future), name="waiting")
    await turns()
    text = lib.format_call_graph(future)
    line = r"  \|   File '.*test_graph.py', line \d+, in async "
    pattern = (
        r"\* Future\(id=0x[0-9a-f]+\)\n"
        r"  \+ Awaited by:\n"
        r"    \* Task\(name='waiting', id=0x[0-9a-f]+\)\n"
        rf"      \+ Call stack:\n    {line}deeper\(\)\n    {line}deep\(\)"
    )
    assert re.fullmatch(pattern, text), text
    file = io.StringIO()
    lib.print_call_graph(future, file=file)
    assert file.getvalue() == text + "\n"
    await cancelled(task)


@on_loop
async def test_the_current_task_as_text(loop, lib):
    def plain():
        return lib.format_call_graph()

    async def main():
        file = io.StringIO()
        lib.print_call_graph(file=file)
        return plain(), file.getvalue()

    text, printed = await loop.create_task(main(), name="main")
    assert "* Task(name='main'" in text and "<locals>.plain()" in text.splitlines()[2]
    assert "in async" in text.splitlines()[3] and "format_call_graph" not in text
    assert "main()" in printed.splitlines()[2]


@on_loop
async def test_generators_are_named(loop, lib):
    async def generate(future):
        await future
        yield

    async def iterate(future):
        async for _ in generate(future):
            pass

    task = loop.create_task(iterate(loop.create_future()))
    await turns()
    assert names(lib.capture_call_graph(task))[-1] == "iterate"
    await cancelled(task)


def test_outside_of_a_loop(lib, loop):
    with pytest.raises(RuntimeError, match="outside of a running event loop"):
        lib.capture_call_graph()
    with pytest.raises(TypeError, match="compatible with asyncio.Future"):
        lib.capture_call_graph(5)
    future = loop.create_future()
    assert lib.capture_call_graph(future).future is future
    seen = []
    loop.call_soon(lambda: seen.append((lib.capture_call_graph(), lib.format_call_graph())))
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert seen == [(None, "")]
