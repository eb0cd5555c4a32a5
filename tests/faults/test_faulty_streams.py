"""Whatever fails and whatever is done meanwhile: every byte arrives once and in order, or the error is told once."""

import pytest
from helpers.faults import Script, driver_faults, endpoint_faults, fatal_faults, profile
from helpers.scenario import Side, peaceful_steps, play, protocol_kinds, steps
from helpers.streams import connected_sockets, nothing_left, small_buffers
from hypothesis import given
from hypothesis import strategies as st

any_kind = pytest.mark.parametrize("kind", ["tcp", "unix"])


async def connect(loop, injected, kind, sides, faults):
    """Two connected transports; the scripts of their endpoints."""
    socks = connected_sockets(kind)
    if kind == "unix":
        small_buffers(*socks)  # TCP would send with delays then
    scripts = [Script(verdicts, lambda side=side: side.ended) for side, verdicts in zip(sides, faults, strict=True)]
    injected.scripts.extend(scripts)
    for side, sock in zip(sides, socks, strict=True):
        await loop.create_connection(side.protocol, sock=sock)
    return scripts


def run(loop, injected, kind, protocols, all_steps, faults, waits):
    async def main():
        sides = [Side(protocol) for protocol in protocols]
        async with nothing_left(loop):
            injected.waits.extend(waits)
            scripts = await connect(loop, injected, kind, sides, faults)
            await play(*sides, *all_steps)
            injected.waits.clear()
        for side, peer, script in zip(sides, reversed(sides), scripts, strict=True):
            side.check_life()
            side.check_error(script)
            side.check_received(peer)
        return sides

    return loop.run_until_complete(main())


@any_kind
@profile
@given(st.tuples(protocol_kinds, protocol_kinds), st.tuples(peaceful_steps, peaceful_steps),
       st.tuples(endpoint_faults, endpoint_faults), driver_faults)
def test_faults_that_pass_change_nothing(loop, injected, kind, protocols, all_steps, faults, waits):
    sides = run(loop, injected, kind, protocols, all_steps, faults, waits)
    for side, peer in zip(sides, reversed(sides), strict=True):
        assert side.error is None
        assert side.data == peer.sent.taken


@any_kind
@profile
@given(st.tuples(protocol_kinds, protocol_kinds), st.tuples(steps, steps),
       st.tuples(fatal_faults | endpoint_faults, fatal_faults | endpoint_faults), driver_faults)
def test_told_once_or_delivered(loop, injected, loop_errors, kind, protocols, all_steps, faults, waits):
    sides = run(loop, injected, kind, protocols, all_steps, faults, waits)
    reported = [context["exception"] for context in loop_errors]
    assert reported == [failure for side in sides for failure, _ in side.failures if failure in reported]
    assert len(reported) == sum(len(side.failures) for side in sides)
    loop_errors.clear()
