"""A transport is closed when its loop is closed already: nothing is left open, and what is not sent is told."""

import gc
import logging

import pytest
from helpers.streams import Recorder, connected_sockets, fill

pytestmark = pytest.mark.tulipa_only  # on the standard loop close() raises RuntimeError, and the socket stays open


@pytest.mark.parametrize("way_out", ["close", "abort"])
@pytest.mark.parametrize("blocked", [False, True])
def test_its_socket_is_closed(loop_factory, way_out, blocked, caplog):
    loop = loop_factory()
    ours, peer = connected_sockets("unix")
    with peer:
        transport, protocol = loop.run_until_complete(loop.create_connection(Recorder, sock=ours))
        if blocked:
            filled = fill(ours)
            transport.write(b"rest")
            assert transport.get_write_buffer_size() == 4
        loop.close()
        with caplog.at_level(logging.WARNING, "asyncio"):
            getattr(transport, way_out)()
        assert ours.fileno() == -1
        assert transport.is_closing()
        assert protocol.events == ["made"], "there is no loop to call it"
        told = [record.getMessage() for record in caplog.records]
        assert [("4 bytes" in message) for message in told] == [True] * (blocked and way_out == "close")
        if blocked:
            peer.setblocking(True)
            assert peer.recv(len(filled) + 10) == filled[:len(filled)]
    del transport, protocol
    gc.collect()  # no ResourceWarning: it was closed


@pytest.mark.parametrize("size", [4, 10_000_000])
def test_written_to_first(loop_factory, size, caplog):
    loop = loop_factory()
    ours, peer = connected_sockets("unix")
    with peer:
        transport, _ = loop.run_until_complete(loop.create_connection(Recorder, sock=ours))
        loop.close()
        transport.write(b"x" * size)
        transport.close()
        assert ours.fileno() == -1
        assert peer.recv(4) == b"xxxx", "what the kernel takes at once is sent"
