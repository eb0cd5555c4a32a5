"""add_reader, add_writer and their removal."""

import contextvars
import os
import socket
import tempfile

import pytest
from helpers.accounting import watcher_count
from helpers.running import on_loop, turns
from helpers.streams import Journal, arrived, connected_sockets, fill, linked, receive_exactly


@pytest.fixture
def pair():
    one, other = connected_sockets("unix")
    with one, other:
        yield one, other


class Watching(Journal):
    """A callback that notes its arguments."""

    def __call__(self, *args):
        self.note(args)


# --- reading -----------------------------------------------------------------------------------


@on_loop
async def test_reader_is_called_when_there_is_data(loop, pair):
    one, other = pair
    reader = Watching()
    loop.add_reader(one, reader, "a", 1)
    await turns(5)
    assert reader.events == []
    other.send(b"x")
    await reader.saw(("a", 1))
    assert loop.remove_reader(one) is True


@on_loop
async def test_reader_is_called_again_until_all_is_read(loop, pair):
    one, other = pair
    reader = Watching()
    loop.add_reader(one, reader)
    other.send(b"xx")
    await reader.saw((), times=3)
    assert one.recv(1) == b"x"
    seen = len(reader.events)
    await reader.saw((), times=seen + 2)
    assert one.recv(10) == b"x"
    await turns(2)  # what was noticed already
    seen = len(reader.events)
    await turns(5)
    assert len(reader.events) == seen
    loop.remove_reader(one)


@on_loop
async def test_reader_is_called_at_end_of_file(loop, pair):
    one, other = pair
    reader = Watching()
    loop.add_reader(one, reader)
    other.close()
    await reader.saw((), times=2)
    assert one.recv(10) == b""
    loop.remove_reader(one)


@on_loop
async def test_reader_of_a_pipe_is_called_when_the_writer_goes(loop):
    read, write = os.pipe()
    reader = Watching()
    loop.add_reader(read, reader)
    os.close(write)
    await reader.saw(())
    loop.remove_reader(read)
    os.close(read)


@on_loop
async def test_writer_of_a_pipe_is_called_when_the_reader_goes(loop):
    read, write = os.pipe()
    os.set_blocking(write, False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(write, b"f" * 65536)
    writer = Watching()
    loop.add_writer(write, writer)
    await turns(5)
    assert writer.events == []
    os.close(read)
    await writer.saw(())
    loop.remove_writer(write)
    os.close(write)


# --- writing -----------------------------------------------------------------------------------


@on_loop
async def test_writer_is_called_while_there_is_room(loop, pair):
    one, other = pair
    writer = Watching()
    loop.add_writer(one, writer, "room")
    await writer.saw(("room",), times=3)
    filled = fill(one)
    await turns(2)
    seen = len(writer.events)
    await turns(5)
    assert len(writer.events) == seen
    await receive_exactly(loop, other, len(filled))
    await writer.saw(("room",), times=seen + 1)
    assert loop.remove_writer(one) is True


@on_loop
async def test_reader_and_writer_are_two_things(loop, pair):
    one, other = pair
    reader, writer = Watching(), Watching()
    before = watcher_count(loop)
    loop.add_reader(one, reader)
    loop.add_writer(one, writer)
    await writer.saw(())
    assert reader.events == []
    assert loop.remove_writer(one) is True
    other.send(b"x")
    await reader.saw(())
    await turns(3)
    seen = len(writer.events)
    loop.add_writer(one, writer)
    assert loop.remove_reader(one) is True
    await writer.saw((), times=seen + 1)
    assert loop.remove_writer(one) is True
    assert watcher_count(loop) == before


# --- adding and removing -----------------------------------------------------------------------


@on_loop
async def test_second_reader_replaces_the_first(loop, pair):
    one, other = pair
    first, second = Watching(), Watching()
    loop.add_reader(one, first)
    loop.add_reader(one, second, 2)
    other.send(b"x")
    await second.saw((2,))
    assert first.events == []
    loop.remove_reader(one)


@on_loop
async def test_removing_tells_whether_there_was_one(loop, pair):
    one, _ = pair
    assert loop.remove_reader(one) is False
    assert loop.remove_writer(one) is False
    loop.add_reader(one, Watching())
    assert loop.remove_writer(one) is False
    assert loop.remove_reader(one) is True
    assert loop.remove_reader(one) is False


@pytest.mark.parametrize("kind", [lambda sock: sock, lambda sock: sock.fileno()], ids=["object", "number"])
@on_loop
async def test_file_object_or_number(loop, pair, kind):
    one, other = pair
    reader = Watching()
    loop.add_reader(kind(one), reader)
    other.send(b"x")
    await reader.saw(())
    assert loop.remove_reader(one.fileno()) is True


@on_loop
async def test_removed_reader_is_not_called(loop, pair):
    one, other = pair
    reader = Watching()
    loop.add_reader(one, reader)
    other.send(b"x")
    loop.remove_reader(one)
    await turns(5)
    assert reader.events == []


@on_loop
async def test_callback_may_remove_itself(loop, pair):
    one, other = pair

    def once():
        calls.append(loop.remove_reader(one))

    calls = []
    loop.add_reader(one, once)
    other.send(b"x")
    await turns(5)
    assert calls == [True]


@on_loop
async def test_callback_may_replace_itself(loop, pair):
    one, other = pair
    second = Watching()
    loop.add_reader(one, lambda: loop.add_reader(one, second, "second"))
    other.send(b"x")
    await second.saw(("second",))
    loop.remove_reader(one)


@on_loop
async def test_watchers_are_counted_one_a_descriptor(loop, pair):
    one, other = pair
    before = watcher_count(loop)
    loop.add_reader(one, Watching())
    loop.add_reader(other, Watching())
    assert watcher_count(loop) == before + 2
    loop.remove_reader(one)
    loop.remove_reader(other)
    assert watcher_count(loop) == before


@on_loop
async def test_callback_runs_in_the_context_that_added_it(loop, pair):
    one, other = pair
    flower = contextvars.ContextVar("flower", default="none")
    seen = Journal()

    def note():
        seen.note(flower.get())
        loop.remove_reader(one)

    def add():
        flower.set("tulip")
        loop.add_reader(one, note)

    contextvars.copy_context().run(add)
    other.send(b"x")
    await seen.saw("tulip")
    assert flower.get() == "none"


@on_loop
async def test_exception_is_reported_and_the_watcher_stays(loop, loop_errors, pair):
    one, other = pair
    seen = Journal()

    def fail():
        seen.note("called")
        raise ZeroDivisionError("on purpose")

    loop.add_reader(one, fail)
    other.send(b"x")
    await seen.saw("called", times=2)
    loop.remove_reader(one)
    assert {type(context["exception"]) for context in loop_errors} == {ZeroDivisionError}
    assert len(loop_errors) == len(seen.events)
    loop_errors.clear()


# --- not possible ------------------------------------------------------------------------------


def methods(loop):
    yield lambda fd: loop.add_reader(fd, print)
    yield lambda fd: loop.add_writer(fd, print)
    yield loop.remove_reader
    yield loop.remove_writer


@pytest.mark.parametrize("wrong", [-1, "text", None, pytest.param(object(), id="object"), 1.5], ids=repr)
@on_loop
async def test_what_is_no_descriptor(loop, wrong):
    for method in methods(loop):
        with pytest.raises(ValueError):
            method(wrong)


@on_loop
async def test_descriptor_that_is_not_open(loop):
    before = watcher_count(loop)
    read, write = os.pipe()
    os.close(read)
    os.close(write)
    for add in (loop.add_reader, loop.add_writer):
        with pytest.raises(OSError):
            add(read, print)
    assert loop.remove_reader(read) is False
    assert watcher_count(loop) == before


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="select() may watch files, where it is used")
@on_loop
async def test_regular_file_cannot_be_watched(loop):
    before = watcher_count(loop)
    with tempfile.TemporaryFile() as file:
        with pytest.raises(PermissionError):
            loop.add_reader(file, print)
    assert watcher_count(loop) == before


@pytest.mark.parametrize("number", range(4))
@on_loop
async def test_descriptor_of_a_transport_is_the_transports(loop, number):
    async with linked(loop) as link:
        fileno = link.transport.get_extra_info("socket").fileno()
        with pytest.raises(RuntimeError, match="(?i)transport"):
            list(methods(loop))[number](fileno)
        await loop.sock_sendall(link.peer, b"undisturbed")
        assert await link.protocol.received(11) == b"undisturbed"


@on_loop
async def test_descriptor_of_a_transport_is_free_once_it_is_closed(loop):
    async with linked(loop) as link:
        fileno = link.transport.get_extra_info("socket").fileno()
        link.transport.close()
        await link.protocol.lost()
        await turns(1)
        with socket.socket() as sock:
            os.dup2(sock.fileno(), fileno)
        loop.add_reader(fileno, print)
        assert loop.remove_reader(fileno) is True
        os.close(fileno)


def test_closed_loop(loop_factory, pair):
    loop = loop_factory()
    loop.close()
    for method in list(methods(loop))[:2]:
        with pytest.raises(RuntimeError, match="closed"):
            method(pair[0])


def test_watchers_do_not_keep_a_stopped_loop_running(loop, pair):
    one, other = pair
    loop.add_reader(one, loop.stop)
    other.send(b"x")
    loop.run_forever()
    assert arrived(one) == b"x"
    loop.remove_reader(one)
