"""Another thread wakes a driver that is just being closed: nothing is written into whatever has its number then."""

import os
import socket

import pytest
from helpers.cases import drivers

tulipa = pytest.importorskip("tulipa")


@pytest.mark.parametrize("name", [*drivers(), "virtual"])
def test_wake_while_closing_does_not_reach_the_next_file(name, monkeypatch):
    """As soon as one of the driver's descriptors is closed a pipe takes its number, and a wake-up comes."""
    from tulipa._drivers import make_driver

    driver = make_driver(name)
    number = driver.wake_descriptor()
    readers, writers = [], []
    close, close_socket = os.close, socket.socket.close

    def take_number_and_wake():
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        readers.append(reader)
        writers.append(writer)
        if number not in (reader, writer):
            os.dup2(writer, number)
            writers.append(number)
        driver.wake()

    def close_then_take_number(fd):
        close(fd)
        if fd == number:
            take_number_and_wake()

    def close_socket_then_take_number(sock):
        mine = sock.fileno() == number
        close_socket(sock)
        if mine:
            take_number_and_wake()

    with monkeypatch.context() as patch:
        patch.setattr(os, "close", close_then_take_number)
        patch.setattr(socket.socket, "close", close_socket_then_take_number)
        driver.close()
    assert readers, "the driver's wake-up descriptor was not closed"
    with pytest.raises(BlockingIOError):
        os.read(readers[0], 1)
    for fd in (*readers, *writers):
        os.close(fd)
