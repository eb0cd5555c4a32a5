"""create_connection with several addresses at once: happy_eyeballs_delay and interleave (RFC 8305)."""

import asyncio
import contextlib
import re

import pytest
from helpers.running import on_loop, turns
from helpers.streams import (
    LOOPBACK,
    Factory,
    Recorder,
    address,
    has_ipv6,
    nothing_left,
    refusing_port,
    serving,
    silent_port,
)
from test_tcp import resolving_to

needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on the loopback here")
NEVER = 3600.0


def connect(loop, **options):
    return loop.create_connection(Recorder, "tulip.example", 80, **options)


async def hang_up(transport, protocol, accepted):
    transport.close()
    await protocol.lost()
    await (await accepted.connected()).lost()


# --- the race ----------------------------------------------------------------------------------


@on_loop
async def test_silent_address_is_overtaken(loop, monkeypatch):
    async with serving(loop, accepted := Factory()) as server:
        with silent_port() as silent:
            resolving_to(monkeypatch, (LOOPBACK, silent), address(server))
            async with nothing_left(loop):
                begin = loop.time()
                transport, protocol = await connect(loop, happy_eyeballs_delay=0.05)
                assert loop.time() - begin >= 0.049, "the second address got its chance too early"
                assert transport.get_extra_info("peername") == address(server)
                await hang_up(transport, protocol, accepted)


@on_loop
async def test_refused_address_is_followed_at_once(loop, monkeypatch):
    async with serving(loop, accepted := Factory()) as server:
        with refusing_port() as one, refusing_port() as two:
            resolving_to(monkeypatch, (LOOPBACK, one), (LOOPBACK, two), address(server))
            async with nothing_left(loop):
                transport, protocol = await connect(loop, happy_eyeballs_delay=NEVER)
                await hang_up(transport, protocol, accepted)


@on_loop
async def test_first_address_wins_without_a_race(loop, monkeypatch):
    async with serving(loop, accepted := Factory()) as server, serving(loop, unused := Factory()) as other:
        resolving_to(monkeypatch, address(server), address(other))
        async with nothing_left(loop):
            transport, protocol = await connect(loop, happy_eyeballs_delay=NEVER)
            assert transport.get_extra_info("peername") == address(server)
            await hang_up(transport, protocol, accepted)
            assert unused.made == []


@on_loop
async def test_refused_after_it_was_overtaken(loop, monkeypatch):
    """Two silent ones, a refusing one and one that answers: a failure late in the row starts the next one."""
    async with serving(loop, accepted := Factory()) as server:
        with silent_port() as one, silent_port() as two, refusing_port() as three:
            resolving_to(monkeypatch, (LOOPBACK, one), (LOOPBACK, two), (LOOPBACK, three), address(server))
            async with nothing_left(loop):
                transport, protocol = await connect(loop, happy_eyeballs_delay=0.01)
                assert transport.get_extra_info("peername") == address(server)
                await hang_up(transport, protocol, accepted)


@on_loop
async def test_no_delay_starts_them_all(loop, monkeypatch):
    async with serving(loop, accepted := Factory()) as server:
        with silent_port() as one, silent_port() as two:
            resolving_to(monkeypatch, (LOOPBACK, one), (LOOPBACK, two), address(server))
            async with nothing_left(loop):
                transport, protocol = await connect(loop, happy_eyeballs_delay=0)
                await hang_up(transport, protocol, accepted)


@on_loop
async def test_without_a_delay_there_is_no_race(loop, monkeypatch):
    async with serving(loop, accepted := Factory()) as server:
        with silent_port() as silent:
            calls = resolving_to(monkeypatch, (LOOPBACK, silent), address(server))
            async with nothing_left(loop):
                connecting = loop.create_task(connect(loop))
                while not calls:
                    await turns()
                await loop.run_in_executor(None, lambda: None)
                await turns(5)
                assert accepted.made == []
                connecting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await connecting


@on_loop
async def test_cancelled_race_leaves_nothing(loop, monkeypatch):
    with silent_port() as one, silent_port() as two:
        calls = resolving_to(monkeypatch, (LOOPBACK, one), (LOOPBACK, two))
        async with nothing_left(loop):
            connecting = loop.create_task(connect(loop, happy_eyeballs_delay=0))
            while not calls:
                await turns()
            await loop.run_in_executor(None, lambda: None)
            await turns(5)
            assert not connecting.done()
            connecting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await connecting


@on_loop
async def test_lost_race_names_every_address(loop, monkeypatch):
    with refusing_port() as one, refusing_port() as two, refusing_port() as three:
        resolving_to(monkeypatch, (LOOPBACK, one), (LOOPBACK, two), (LOOPBACK, three))
        async with nothing_left(loop):
            with pytest.raises(OSError, match=f"{one}.*{two}.*{three}"):
                await connect(loop, happy_eyeballs_delay=NEVER)


@pytest.mark.std_since(3, 12)
@on_loop
async def test_lost_race_with_all_errors(loop, monkeypatch):
    with refusing_port() as one, refusing_port() as two:
        resolving_to(monkeypatch, (LOOPBACK, one), (LOOPBACK, two))
        with pytest.raises(ExceptionGroup) as group:
            await connect(loop, happy_eyeballs_delay=NEVER, all_errors=True)
        assert [type(error) for error in group.value.exceptions] == [ConnectionRefusedError] * 2


@on_loop
async def test_address_that_makes_no_sense_loses_the_race(loop, monkeypatch):
    async with serving(loop, accepted := Factory()) as server:
        resolving_to(monkeypatch, (LOOPBACK, 70_000), address(server))  # OverflowError: no such port
        async with nothing_left(loop):
            transport, protocol = await connect(loop, happy_eyeballs_delay=NEVER)
            await hang_up(transport, protocol, accepted)


# --- the order ---------------------------------------------------------------------------------


@needs_ipv6
@pytest.mark.std_since(3, 12)  # all_errors shows the order
@pytest.mark.parametrize(
    ("options", "order"),
    [
        ({}, [0, 1, 2, 3, 4]),
        ({"interleave": 1}, [0, 3, 1, 4, 2]),
        ({"interleave": 2}, [0, 1, 3, 2, 4]),
        ({"interleave": 3}, [0, 1, 2, 3, 4]),
        ({"happy_eyeballs_delay": NEVER}, [0, 3, 1, 4, 2]),
        ({"happy_eyeballs_delay": NEVER, "interleave": 0}, [0, 1, 2, 3, 4]),
        ({"happy_eyeballs_delay": NEVER, "interleave": 2}, [0, 1, 3, 2, 4]),
    ],
    ids=str,
)
@on_loop
async def test_families_take_turns(loop, monkeypatch, options, order):
    """Three IPv4 addresses, then two IPv6 ones; all refuse, so all are tried, and named in the order tried."""
    with contextlib.ExitStack() as stack:
        hosts = [LOOPBACK] * 3 + ["::1"] * 2
        addresses = [(host, stack.enter_context(refusing_port(host))) for host in hosts]
        resolving_to(monkeypatch, *addresses)
        with pytest.raises(ExceptionGroup) as group:
            await connect(loop, all_errors=True, **options)
        tried = [re.search(r"'(127\.0\.0\.1|::1)', (\d+)", str(error)).groups() for error in group.value.exceptions]
        assert [addresses.index((host, int(port))) for host, port in tried] == order
