"""Another thread wakes a driver that is just being closed: nothing is written into whatever has its number then."""

import os
import socket
import stat

import pytest
from helpers.accounting import open_descriptors
from helpers.cases import drivers
from helpers.processes import run_source

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


@pytest.mark.skipif("epoll" not in drivers(), reason="needs Linux")
@pytest.mark.skipif(tulipa.is_compiled(), reason="compiled, nothing can come between but another thread")
def test_closed_while_another_thread_is_just_writing(monkeypatch):
    """The pipe stays open until nobody writes to it: no number in new hands, no SIGPIPE."""
    from tulipa._drivers import make_driver

    before = open_descriptors()
    driver = make_driver("epoll")
    number = driver.wake_descriptor()
    write = os.write

    def close_then_write(fd, data):
        driver.close()
        driver.close()
        assert driver.wake_descriptor() == -1
        assert stat.S_ISFIFO(os.fstat(number).st_mode)
        return write(fd, data)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", close_then_write)
        driver.wake()
    assert open_descriptors() == before


@pytest.mark.parametrize("name", [*drivers(), "virtual"])
def test_waking_and_closing_again_and_again(name):
    """Threads wake while drivers are closed under them; SIGPIPE would end the process."""
    source = f"""
import os, signal, sys, threading
from tulipa._drivers import make_driver
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
sys.setswitchinterval(1e-5)
before = len(os.listdir("/proc/self/fd"))
current, over = [make_driver({name!r})], []
def wake():
    while not over:
        current[0].wake()
threads = [threading.Thread(target=wake) for _ in range(2)]
for thread in threads:
    thread.start()
for _ in range(300):
    closed, current[0] = current[0], make_driver({name!r})
    closed.close()
over.append(True)
for thread in threads:
    thread.join()
current[0].close()
print(len(os.listdir("/proc/self/fd")) - before)
"""
    child = run_source(source)
    assert (child.returncode, child.stdout) == (0, "0\n"), child.stderr
