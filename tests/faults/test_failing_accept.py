"""accept() fails in each way that a kernel knows: connections that can be had are, and a shortage is told once."""

import errno
import socket

import pytest
from helpers.accounting import timer_count
from helpers.running import on_loop, turns
from helpers.streams import LOOPBACK, Factory, nothing_left

PASSING = ["EAGAIN", "EINTR", "ECONNABORTED", "EPROTO", "ENETDOWN", "EHOSTUNREACH"]
SHORTAGES = ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]


class Failing(socket.socket):
    """A listening socket whose accept() raises each of `errors` once, before it works."""

    errors = ()

    def accept(self):
        if self.errors:
            number = getattr(errno, self.errors.pop(0))
            raise OSError(number, "on purpose")
        return super().accept()


def listener(errors):
    sock = Failing(socket.AF_INET, socket.SOCK_STREAM)
    sock.errors = list(errors)
    sock.bind((LOOPBACK, 0))
    return sock


@pytest.mark.parametrize("errors", [*([name] for name in PASSING), PASSING * 3], ids="-".join)
@on_loop
async def test_the_next_connection_is_accepted(loop, errors):
    accepted = Factory()
    async with nothing_left(loop):
        sock = listener(errors)
        server = await loop.create_server(accepted, sock=sock)
        with socket.create_connection(sock.getsockname()):
            protocol = await accepted.connected()
        server.close()
        await server.wait_closed()
        assert protocol.events == ["made", "eof", "lost"]


@pytest.mark.parametrize("loop", ["virtual"], indirect=True)  # it does not wait for the next try
@pytest.mark.parametrize("name", SHORTAGES)
@on_loop
async def test_a_shortage_is_told_once_and_waited_for(loop, loop_errors, name):
    accepted = Factory()
    async with nothing_left(loop):
        sock = listener([name, name])
        server = await loop.create_server(accepted, sock=sock)
        with socket.create_connection(sock.getsockname()):
            while not loop_errors:
                await turns()
            assert timer_count(loop) == 1
            (context,) = loop_errors
            loop_errors.clear()
            assert context["exception"].errno == getattr(errno, name)
            # The second time that it is short is the same shortage.
            await accepted.connected()
        server.close()
        await server.wait_closed()
