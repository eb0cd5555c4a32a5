"""Whatever fails and whatever is done meanwhile: every byte arrives once and in order, or the error is told once."""

import asyncio
import functools
import os

import pytest
from helpers.accounting import timer_count
from helpers.cases import drivers, tls_engines, tulipa_case
from helpers.faults import Script, driver_faults, endpoint_faults, fatal_faults, profile
from helpers.scenario import Side, peaceful_steps, play, protocol_kinds, steps
from helpers.streams import connected_sockets, nothing_left, small_buffers
from helpers.tls import HOST, client_context, server_context
from hypothesis import given
from hypothesis import strategies as st

ENGINES = tls_engines(tulipa_case(drivers()[0])) if drivers() else []
KINDS = ["tcp", "unix", "pipe", *(f"tls-{engine}" for engine in ENGINES)]


@pytest.fixture(params=KINDS)
def kind(request, monkeypatch):
    """What connects both sides; TLS with each of its engines."""
    name, _, engine = request.param.partition("-")
    if engine:
        monkeypatch.setenv("TULIPA_TLS_ENGINE", engine)
    return name


@functools.cache
def tls_contexts():
    return client_context(), server_context()


def opened(loop, kind, sides):
    """Awaitables that connect each of the two sides."""
    if kind == "pipe":
        reader, writer = os.pipe()
        return [
            loop.connect_write_pipe(sides[0].protocol, open(writer, "wb", 0)),
            loop.connect_read_pipe(sides[1].protocol, open(reader, "rb", 0)),
        ]
    one, other = connected_sockets("tcp" if kind == "tcp" else "unix")
    if kind != "tcp":
        small_buffers(one, other)  # TCP would send with delays then
    if kind == "tls":
        trusting, serving = tls_contexts()
        return [
            loop.create_connection(sides[0].protocol, sock=one, ssl=trusting, server_hostname=HOST),
            loop.connect_accepted_socket(sides[1].protocol, other, ssl=serving),
        ]
    return [loop.create_connection(side.protocol, sock=sock) for side, sock in zip(sides, (one, other), strict=True)]


async def connect(loop, injected, kind, sides, faults):
    """Connect both sides; the scripts of their endpoints. A side that can't be connected has only an error."""
    scripts = [Script(verdicts, lambda side=side: side.ended) for side, verdicts in zip(sides, faults, strict=True)]
    injected.scripts.extend(scripts)
    outcomes = await asyncio.gather(*opened(loop, kind, sides), return_exceptions=True)
    for side, outcome in zip(sides, outcomes, strict=True):
        if isinstance(outcome, BaseException):
            side.error = outcome
    return scripts


def run(loop, injected, kind, protocols, all_steps, faults, waits):
    async def main():
        sides = [Side(protocol) for protocol in protocols]
        async with nothing_left(loop):
            injected.waits.extend(waits)
            scripts = await connect(loop, injected, kind, sides, faults)
            if all(side.transport for side in sides):
                await play(*sides, *all_steps)
            else:
                for side in sides:
                    if side.transport:
                        side.transport.abort()
                        await side.saw("lost")
            injected.waits.clear()
        assert timer_count(loop) == 0
        for side, peer, script in zip(sides, reversed(sides), scripts, strict=True):
            side.check_life()
            side.check_error(script)
            side.check_received(peer)
        return sides

    return loop.run_until_complete(main())


@profile
@given(st.tuples(protocol_kinds, protocol_kinds), st.tuples(peaceful_steps, peaceful_steps),
       st.tuples(endpoint_faults, endpoint_faults), driver_faults)
def test_faults_that_pass_change_nothing(loop, injected, kind, protocols, all_steps, faults, waits):
    sides = run(loop, injected, kind, protocols, all_steps, faults, waits)
    for side, peer in zip(sides, reversed(sides), strict=True):
        assert side.error is None
        assert side.data == peer.sent.taken


@profile
@given(st.tuples(protocol_kinds, protocol_kinds), st.tuples(steps, steps),
       st.tuples(fatal_faults | endpoint_faults, fatal_faults | endpoint_faults), driver_faults)
def test_told_once_or_delivered(loop, injected, loop_errors, kind, protocols, all_steps, faults, waits):
    sides = run(loop, injected, kind, protocols, all_steps, faults, waits)
    reported = [context["exception"] for context in loop_errors]
    loop_errors.clear()
    for side in sides:
        for failure, _ in side.failures:
            reported.remove(failure)
    # asyncio's reading ends of pipes report an error of the kernel's too, beside connection_lost().
    assert not reported or (kind == "pipe" and reported == [sides[1].error])
