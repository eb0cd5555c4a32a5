"""Names and addresses: getaddrinfo and getnameinfo."""

import concurrent.futures
import socket

import pytest
from helpers.running import on_loop


class NoThreads(concurrent.futures.ThreadPoolExecutor):
    """An executor that would rather not."""

    def submit(self, *args, **kwargs):
        raise AssertionError("a thread for what needs none")


@pytest.fixture
def without_threads(loop):
    loop.set_default_executor(NoThreads(1))
    return loop


NUMERIC = [
    (("127.0.0.1", 80), {}),
    (("127.0.0.1", 80), {"type": socket.SOCK_STREAM}),
    (("127.0.0.1", 80), {"type": socket.SOCK_DGRAM}),
    (("127.0.0.1", 80), {"proto": socket.IPPROTO_TCP}),
    (("127.0.0.1", 80), {"family": socket.AF_INET, "type": socket.SOCK_STREAM, "proto": socket.IPPROTO_TCP}),
    (("127.0.0.1", "80"), {"type": socket.SOCK_STREAM}),
    (("127.0.0.1", b"80"), {"type": socket.SOCK_STREAM}),
    (("127.0.0.1", None), {"type": socket.SOCK_STREAM}),
    (("127.0.0.1", 0), {"type": socket.SOCK_STREAM}),
    (("127.0.0.1", 65535), {"type": socket.SOCK_STREAM}),
    ((b"127.0.0.1", 80), {"type": socket.SOCK_STREAM}),
    (("::1", 80), {"type": socket.SOCK_STREAM}),
    (("::1", 80), {}),
    (("::1", 80), {"family": socket.AF_INET6, "type": socket.SOCK_DGRAM}),
    (("2001:db8::8:800:200c:417a", 443), {"type": socket.SOCK_STREAM}),
    (("2001:DB8:0:0:8:800:200C:417A", 443), {"type": socket.SOCK_STREAM}),
    (("::ffff:192.0.2.1", 443), {"type": socket.SOCK_STREAM}),
    (("0.0.0.0", 1), {"type": socket.SOCK_STREAM, "flags": socket.AI_PASSIVE}),
    (("127.0.0.1", 80), {"type": socket.SOCK_STREAM, "flags": socket.AI_NUMERICHOST}),
    (("127.0.0.1", 80), {"type": socket.SOCK_STREAM, "flags": socket.AI_CANONNAME}),
    (("127.1", 80), {"type": socket.SOCK_STREAM}),
    ((None, 80), {"type": socket.SOCK_STREAM, "family": socket.AF_INET}),
    ((None, 80), {"type": socket.SOCK_STREAM, "flags": socket.AI_PASSIVE}),
]
# What no resolver is needed for: the plain case must not cost a thread.
WITHOUT_THREAD = [case for case in NUMERIC if case[0][0] not in (None, "127.1") and "flags" not in case[1]]


@pytest.mark.parametrize("args, kwargs", NUMERIC, ids=repr)
@on_loop
async def test_numeric_addresses_give_what_the_socket_module_gives(loop, args, kwargs):
    assert await loop.getaddrinfo(*args, **kwargs) == socket.getaddrinfo(*args, **kwargs)


@pytest.mark.tulipa_only
@pytest.mark.parametrize("args, kwargs", WITHOUT_THREAD, ids=repr)
@on_loop
async def test_numeric_addresses_need_no_thread(loop, without_threads, args, kwargs):
    assert await loop.getaddrinfo(*args, **kwargs) == socket.getaddrinfo(*args, **kwargs)


@on_loop
async def test_names_are_resolved(loop):
    found = await loop.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)
    assert found == socket.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)


@on_loop
async def test_arguments_reach_the_socket_module(loop, monkeypatch):
    def resolve(*args):
        calls.append(args)
        return ["resolved"]

    calls = []
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert await loop.getaddrinfo(
        "name.invalid", "http", family=socket.AF_INET, type=socket.SOCK_STREAM,
        proto=socket.IPPROTO_TCP, flags=socket.AI_CANONNAME,
    ) == ["resolved"]
    assert calls == [("name.invalid", "http", socket.AF_INET, socket.SOCK_STREAM,
                      socket.IPPROTO_TCP, socket.AI_CANONNAME)]


@on_loop
async def test_service_names(loop, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, port, *_: [(host, port)])
    assert await loop.getaddrinfo("127.0.0.1", "no-number") == [("127.0.0.1", "no-number")]


@pytest.mark.parametrize("args, kwargs", [
    (("127.0.0.1", 80), {"family": socket.AF_INET6}),
    (("not numeric", 80), {"flags": socket.AI_NUMERICHOST}),
    (("127.0.0.1", "no-such-service-name"), {}),
    (("::1", 80), {"family": socket.AF_INET}),
    (("127.0.0.1", 80), {"type": socket.SOCK_STREAM, "proto": socket.IPPROTO_UDP}),
], ids=repr)
@on_loop
async def test_errors_are_those_of_the_socket_module(loop, args, kwargs):
    with pytest.raises(socket.gaierror) as expected:
        socket.getaddrinfo(*args, **kwargs)
    with pytest.raises(socket.gaierror) as caught:
        await loop.getaddrinfo(*args, **kwargs)
    assert caught.value.errno == expected.value.errno


@pytest.mark.parametrize("host", ["a" * 64 + ".invalid", "null\0.invalid"], ids=["label too long", "null"])
@on_loop
async def test_impossible_names(loop, host):
    with pytest.raises(Exception) as expected:
        socket.getaddrinfo(host, 80)
    with pytest.raises(type(expected.value)):
        await loop.getaddrinfo(host, 80)


@on_loop
async def test_getnameinfo(loop):
    flags = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    assert await loop.getnameinfo(("127.0.0.1", 80), flags) == ("127.0.0.1", "80")
    assert await loop.getnameinfo(("::1", 80, 0, 0), flags) == ("::1", "80")


@pytest.mark.parametrize("address", [("127.0.0.1", 80), ("::1", 443, 0, 0), ("2001:DB8::1", 1, 0, 0)])
@pytest.mark.tulipa_only
@on_loop
async def test_numeric_getnameinfo_needs_no_thread(loop, without_threads, address):
    flags = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    assert await loop.getnameinfo(address, flags) == socket.getnameinfo(address, flags)


@on_loop
async def test_getnameinfo_asks_the_socket_module(loop, monkeypatch):
    calls = []
    monkeypatch.setattr(socket, "getnameinfo", lambda *args: calls.append(args) or ("name", "service"))
    assert await loop.getnameinfo(("127.0.0.1", 80)) == ("name", "service")
    assert calls == [(("127.0.0.1", 80), 0)]


@on_loop
async def test_getnameinfo_error(loop):
    with pytest.raises(socket.gaierror):
        await loop.getnameinfo(("not numeric", 80), socket.NI_NUMERICHOST)
