"""A callback of a datagram protocol raises: it is reported once, and the endpoint goes on."""

import pytest
from helpers.datagrams import Recorder, address, bare_socket, endpoint
from helpers.running import on_loop, turns
from helpers.streams import LOOPBACK


class Oops(Exception):
    pass


def failing_in(event):
    """A protocol that raises once, at its first event of that name."""

    class Failing(Recorder):
        def note(self, happened):
            super().note(happened)
            if happened == event and self.events.count(event) == 1:
                raise Oops(event)

    return Failing()


def the_only_error(loop_errors):
    (context,) = loop_errors
    loop_errors.clear()
    assert type(context["exception"]) is Oops


@pytest.mark.parametrize("event", ["made", "datagram"])
@on_loop
async def test_datagrams_go_on_coming(loop, loop_errors, event):
    async with endpoint(loop, failing_in(event)) as protocol:
        with bare_socket() as peer:
            for data in (b"one", b"two", b"three"):
                peer.sendto(data, address(protocol))
            assert await protocol.datagrams(3) == [b"one", b"two", b"three"]
        the_only_error(loop_errors)


@on_loop
async def test_error_received(loop, loop_errors):
    with bare_socket() as gone:
        name = gone.getsockname()
    async with endpoint(loop, failing_in("error"), remote_addr=name) as protocol:
        protocol.transport.sendto(b"nobody is there")
        await protocol.saw("error")
        await turns(2)
        the_only_error(loop_errors)
        assert not protocol.transport.is_closing()


@pytest.mark.parametrize("way_out", ["close", "abort"])
@on_loop
async def test_connection_lost(loop, loop_errors, way_out):
    async with endpoint(loop, failing_in("lost")) as protocol:
        sock = protocol.transport.get_extra_info("socket")
        getattr(protocol.transport, way_out)()
        await protocol.saw("lost")
        await turns(2)
        assert sock.fileno() == -1, "the socket is closed whatever the protocol does"
        the_only_error(loop_errors)


@pytest.mark.tulipa_only  # the standard loop lets what error_received() raises out of sendto()
@on_loop
async def test_error_received_in_the_middle_of_sending(loop, loop_errors):
    async with endpoint(loop, failing_in("error"), local_addr=(LOOPBACK, 0)) as protocol:
        with bare_socket() as peer:
            protocol.transport.sendto(b"before", peer.getsockname())
            protocol.transport.sendto(bytes(70_000), peer.getsockname())
            protocol.transport.sendto(b"after", peer.getsockname())
            await protocol.saw("error")
            the_only_error(loop_errors)
            assert [await loop.sock_recv(peer, 10) for _ in range(2)] == [b"before", b"after"]
