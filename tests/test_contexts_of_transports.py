"""Connections made in the same context: nobody can tell that compiled transports share it.

A protocol sees the variables of where its transport was made. What it sets when it receives, it finds again the next
time; no other connection does.
"""

import asyncio
import contextlib
import contextvars
import gc
import socket
import weakref

import pytest
from helpers.cases import tulipa
from helpers.running import on_loop
from helpers.streams import Factory, Recorder, address, connected_sockets, nothing_left, serving
from hypothesis import given, settings
from hypothesis import strategies as st

variable = contextvars.ContextVar("variable", default="default")
other = contextvars.ContextVar("other", default="default")
MANY = 6


class Value:
    """Something that can be referred to weakly."""


class Performer(Recorder):
    """Does what it was asked for when the next data comes."""

    def ask(self, task):
        self._task = task
        self.answer = asyncio.get_running_loop().create_future()

    def data_received(self, data):
        super().data_received(data)
        self.answer.set_result(self._task())


class Crowd:
    """Accepted connections, which do what they are told where they receive."""

    def __init__(self, loop, kind=Performer, count=MANY):
        self._loop = loop
        self._factory = Factory(kind)
        self._count = count

    async def __aenter__(self):
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(nothing_left(self._loop))
            server = await stack.enter_async_context(serving(self._loop, self._factory))
            self.clients = [socket.create_connection(address(server)) for _ in range(self._count)]
            self.protocols = [await self._factory.connected(number) for number in range(self._count)]
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *exc):
        for client in self.clients:
            client.close()
        for protocol in self.protocols:
            await protocol.lost()
        await self._stack.aclose()

    async def each(self, tasks):
        """Have the connections of these numbers do a task each, in one turn or few; gives their answers."""
        by_port = {client.getsockname(): client for client in self.clients}
        chosen = {number: self.protocols[number] for number in tasks}
        for number, protocol in chosen.items():
            protocol.ask(tasks[number])
            by_port[protocol.transport.get_extra_info("peername")].send(b"x")
        return {number: await protocol.answer for number, protocol in chosen.items()}

    async def all(self, task):
        """Have all do the same."""
        return list((await self.each(dict.fromkeys(range(self._count), task))).values())


@on_loop
async def test_what_a_connection_sets_is_found_by_itself_only(loop):
    async with Crowd(loop) as crowd:
        assert await crowd.all(variable.get) == ["default"] * MANY
        await crowd.each({number: lambda number=number: variable.set(number) for number in range(0, MANY, 2)})
        for _ in range(2):
            seen = await crowd.all(variable.get)
            assert seen == [number if number % 2 == 0 else "default" for number in range(MANY)]
    assert variable.get() == "default"


@on_loop
async def test_a_token_is_good_in_its_own_connection_only(loop):
    def reset(token):
        try:
            variable.reset(token)
        except ValueError:
            return "refused"

    async with Crowd(loop) as crowd:
        token = (await crowd.each({0: lambda: variable.set("taken")}))[0]
        others = await crowd.each(dict.fromkeys(range(1, MANY), lambda: reset(token)))
        assert set(others.values()) == {"refused"}
        assert await crowd.each({0: lambda: (reset(token), variable.get())}) == {0: (None, "default")}
        assert await crowd.all(variable.get) == ["default"] * MANY


@on_loop
async def test_callbacks_made_where_a_connection_receives(loop):
    seen = []

    def look_and_change():
        seen.append(variable.get())
        variable.set("by a callback")

    def make(number):
        if number % 2:
            variable.set(number)
        loop.call_soon(look_and_change)

    async with Crowd(loop) as crowd:
        await crowd.each({number: lambda number=number: make(number) for number in range(MANY)})
        assert await crowd.all(variable.get) == [number if number % 2 else "default" for number in range(MANY)]
    assert sorted(map(str, seen)) == sorted(str(number) if number % 2 else "default" for number in range(MANY))


@on_loop
async def test_what_the_factory_sets_is_found_by_its_connection_only(loop):
    made = []

    class Changed(Performer):
        def __init__(self):
            super().__init__()
            self.found = variable.get()
            made.append(self)
            variable.set(len(made))

        def connection_made(self, transport):
            self.at_first = variable.get()
            super().connection_made(transport)

    async with Crowd(loop, Changed) as crowd:
        assert [protocol.found for protocol in made] == ["default"] * MANY
        assert [protocol.at_first for protocol in crowd.protocols] == list(range(1, MANY + 1))
        assert await crowd.all(variable.get) == list(range(1, MANY + 1))


@on_loop
async def test_the_last_event_sees_what_the_one_before_has_set(loop):
    class Ending(Performer):
        def eof_received(self):
            variable.set(f"{variable.get()}, end")
            return super().eof_received()

        def connection_lost(self, exc):
            self.at_last = variable.get()
            super().connection_lost(exc)

    async with Crowd(loop, Ending) as crowd:
        await crowd.each({0: lambda: variable.set("data")})
    assert [protocol.at_last for protocol in crowd.protocols] == ["data, end"] + ["default, end"] * (MANY - 1)


@on_loop
async def test_values_of_whoever_connects(loop):
    async def connect(value):
        variable.set(value)
        ours, client = connected_sockets()
        return client, await loop.create_connection(Performer, sock=ours)

    async with nothing_left(loop):
        for value in ("one", "two"):
            for client, (transport, protocol) in [await loop.create_task(connect(value)) for _ in range(MANY)]:
                with client:
                    for found in (value, "changed"):
                        protocol.ask(lambda: (variable.get(), variable.set("changed"))[0])
                        client.send(b"x")
                        assert await protocol.answer == found
                    transport.close()
                    await protocol.lost()


def test_values_go_with_the_connections(loop):
    async def main():
        value = Value()
        variable.set(value)
        async with Crowd(loop) as crowd:
            assert await crowd.all(variable.get) == [value] * MANY
        return weakref.ref(value)

    reference = loop.run_until_complete(loop.create_task(main()))
    gc.collect()
    assert reference() is None


@pytest.mark.skipif(tulipa is None or not tulipa.is_compiled(), reason="interpreted, everybody has a copy")
@pytest.mark.tulipa_only
@on_loop
async def test_contexts_are_shared_at_all(loop):
    async with Crowd(loop) as crowd:
        await crowd.all(variable.get)
        held = gc.get_referents(*(protocol.transport for protocol in crowd.protocols))
        assert not [thing for thing in held if isinstance(thing, contextvars.Context)]


# --- any mix of them does as on the standard loop ---------------------------------------------------------------

tasks = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.sampled_from([variable, other]), st.integers(0, 2)),
        st.tuples(st.sampled_from(["moment", "callback"])),
    ),
    max_size=3,
)


def perform(loop, task, seen):
    """What a connection sees and does; its callbacks note what they see in `seen`."""
    found = variable.get(), other.get()
    for kind, *details in task:
        if kind == "set":
            details[0].set(details[1])
        elif kind == "moment":
            variable.reset(variable.set("moment"))
        else:
            loop.call_soon(lambda: (seen.append((variable.get(), other.get())), variable.set("callback")))
    return found


class Expected:
    """The values that each connection has, and what callbacks were made."""

    def __init__(self):
        self._values = [{variable: "default", other: "default"} for _ in range(MANY)]
        self.seen = []

    def perform(self, number, task):
        values = self._values[number]
        found = values[variable], values[other]
        for kind, *details in task:
            if kind == "set":
                values[details[0]] = details[1]
            elif kind == "callback":
                self.seen.append((values[variable], values[other]))
        return found


@settings(max_examples=50, deadline=None)
@given(st.lists(st.dictionaries(st.integers(0, MANY - 1), tasks, min_size=1), max_size=8))
def test_any_mix_sees_what_pep_567_has(loop_factory, rounds):
    async def main():
        seen, expected = [], Expected()
        async with Crowd(loop) as crowd:
            for asked in rounds:
                found = await crowd.each(
                    {number: lambda task=task: perform(loop, task, seen) for number, task in asked.items()}
                )
                assert found == {number: expected.perform(number, task) for number, task in asked.items()}
        assert sorted(seen, key=repr) == sorted(expected.seen, key=repr)

    loop = loop_factory()
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()
