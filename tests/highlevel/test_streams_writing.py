"""StreamWriter and its protocol: drain, closing, warnings, and what happens in between."""

import asyncio
import gc

import pytest
from helpers.running import on_loop, turns
from helpers.transports import FakeTransport


class Pair:
    """A reader and a writer over a transport that only notes what it is told."""

    def __init__(self, loop, lib, **options):
        self.transport = FakeTransport()
        self.reader = lib.StreamReader(loop=loop, **options)
        self.protocol = lib.StreamReaderProtocol(self.reader, loop=loop)
        self.protocol.connection_made(self.transport)
        self.writer = lib.StreamWriter(self.transport, self.protocol, self.reader, loop)

    async def drainer(self, loop):
        task = loop.create_task(self.writer.drain())
        await turns()
        assert not task.done()
        return task

    def close(self):
        self.transport.close()


@pytest.fixture
def pair(loop, lib):
    pair = Pair(loop, lib)
    yield pair
    pair.close()


def immediately(coro):
    """The result of a coroutine that does not wait."""
    with pytest.raises(StopIteration) as stop:
        coro.send(None)
    return stop.value.value


# --- drain -------------------------------------------------------------------------------------


@on_loop
async def test_drain_does_not_suspend_without_need(loop, pair):
    pair.writer.write(b"data")
    assert immediately(pair.writer.drain()) is None
    assert pair.transport.calls == [b"data"]


@on_loop
async def test_drain_waits_while_writing_is_paused(loop, pair):
    pair.protocol.pause_writing()
    task = await pair.drainer(loop)
    pair.protocol.resume_writing()
    assert await task is None


@on_loop
async def test_several_tasks_drain(loop, pair):
    pair.protocol.pause_writing()
    tasks = [await pair.drainer(loop) for _ in range(5)]
    tasks[2].cancel()
    await turns()
    pair.protocol.resume_writing()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [type(None)] * 2 + [asyncio.CancelledError] + [type(None)] * 2
    assert not pair.protocol._drain_waiters


@pytest.mark.ours_only
@on_loop
async def test_drain_waits_on_where_another_fills_the_buffer_again(loop, pair):
    pair.protocol.pause_writing()
    tasks = [await pair.drainer(loop) for _ in range(2)]
    pair.protocol.resume_writing()
    pair.protocol.pause_writing()  # as by the write of whoever was woken first
    await turns(2)
    assert not any(task.done() for task in tasks)
    pair.protocol.resume_writing()
    await asyncio.gather(*tasks)


@on_loop
async def test_drain_raises_what_the_connection_was_lost_by(loop, pair):
    pair.protocol.pause_writing()
    tasks = [await pair.drainer(loop) for _ in range(2)]
    pair.protocol.connection_lost(BrokenPipeError("gone"))
    pair.close()
    for task in tasks:
        with pytest.raises(BrokenPipeError, match="gone"):
            await task
    with pytest.raises(BrokenPipeError, match="gone"):  # the reader's exception by now
        await pair.writer.drain()


@on_loop
async def test_drain_raises_the_first_loss(loop, lib):
    """As a child's protocol hears: its stdin breaks, the child ends, both before who drains runs again."""
    protocol, transport = lib.FlowControlMixin(loop), FakeTransport()
    writer = lib.StreamWriter(transport, protocol, None, loop)
    protocol.pause_writing()
    task = loop.create_task(writer.drain())
    await turns()
    protocol.connection_lost(BrokenPipeError("gone"))
    protocol.connection_lost(None)
    with pytest.raises(BrokenPipeError, match="gone"):
        await task
    writer.close()


@on_loop
async def test_drain_ends_when_the_connection_does(loop, pair):
    pair.protocol.pause_writing()
    task = await pair.drainer(loop)
    pair.protocol.connection_lost(None)
    pair.close()
    assert await task is None
    with pytest.raises(ConnectionResetError):
        await pair.writer.drain()


@pytest.mark.ours_only
@on_loop
async def test_an_exception_for_a_drain_that_is_cancelled(loop, loop_errors, pair):
    pair.protocol.pause_writing()
    task = await pair.drainer(loop)
    pair.protocol.connection_lost(BrokenPipeError())
    pair.close()
    task.cancel()  # in the same turn
    with pytest.raises(asyncio.CancelledError):
        await task
    del task
    gc.collect()
    assert loop_errors == []  # nothing of "exception was never retrieved"


@on_loop
async def test_drain_on_a_closing_transport_lets_the_loop_run(loop, pair):
    pair.close()
    ran = []
    loop.call_soon(ran.append, True)
    await pair.writer.drain()
    assert ran


@on_loop
async def test_drain_raises_the_readers_exception(loop, pair):
    pair.reader.set_exception(ValueError("from the reader"))
    with pytest.raises(ValueError, match="from the reader"):
        await pair.writer.drain()


@on_loop
async def test_a_protocol_with_a_drain_of_its_own(loop, lib):
    class Own(lib.FlowControlMixin):
        async def _drain_helper(self):
            called.append(True)

    called = []
    transport = FakeTransport()
    writer = lib.StreamWriter(transport, Own(loop), None, loop)
    await writer.drain()
    assert called
    writer.close()


@on_loop
async def test_flow_control_alone(loop, lib):
    """As for connect_write_pipe(FlowControlMixin, ...)."""
    protocol = lib.FlowControlMixin()
    assert protocol._loop is loop
    transport = FakeTransport()
    writer = lib.StreamWriter(transport, protocol, None, loop)
    protocol.connection_made(transport)
    protocol.pause_writing()
    task = loop.create_task(writer.drain())
    await turns()
    assert not task.done()
    protocol.resume_writing()
    await task
    writer.close()
    with pytest.raises(NotImplementedError):
        await writer.wait_closed()


# --- closing -----------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [None, ConnectionResetError("gone")], ids=["clean", "reset"])
@on_loop
async def test_wait_closed(loop, pair, error):
    task = loop.create_task(pair.writer.wait_closed())
    await turns()
    assert not task.done()
    pair.close()
    pair.protocol.connection_lost(error)
    for waiting in (task, pair.writer.wait_closed()):
        if error is None:
            await waiting
        else:
            with pytest.raises(ConnectionResetError, match="gone"):
                await waiting


@pytest.mark.ours_only
@on_loop
async def test_cancelling_one_who_waits_for_the_end_leaves_the_others(loop, pair):
    tasks = [loop.create_task(pair.writer.wait_closed()) for _ in range(2)]
    await turns()
    tasks[0].cancel()
    await turns(2)
    assert tasks[0].cancelled() and not tasks[1].done()
    pair.close()
    pair.protocol.connection_lost(None)
    await tasks[1]
    await pair.writer.wait_closed()


@on_loop
async def test_nobody_has_to_wait_for_the_end(loop, loop_errors, lib):
    pair = Pair(loop, lib)
    pair.protocol.connection_lost(ConnectionResetError())
    pair.close()
    kept = pair.protocol._closed
    del pair
    gc.collect()
    del kept
    gc.collect()
    assert loop_errors == []


@pytest.mark.reference_since(3, 13)
@on_loop
async def test_an_unclosed_writer_is_closed_and_told_of(loop, lib):
    pair = Pair(loop, lib)
    transport = pair.transport
    with pytest.warns(ResourceWarning, match="unclosed <StreamWriter"):
        del pair
        gc.collect()
    assert transport.calls == ["close"]


@pytest.mark.reference_since(3, 13)
def test_an_unclosed_writer_of_a_closed_loop(loop, lib):
    pair = Pair(loop, lib)
    loop.close()
    transport = pair.transport
    with pytest.warns(ResourceWarning, match="loop is closed"):
        del pair
        gc.collect()
    assert transport.calls == []


@pytest.mark.ours_only
@on_loop
async def test_a_writer_that_was_never_made(loop, lib):
    lib.StreamWriter.__new__(lib.StreamWriter)
    gc.collect()


# --- the rest ----------------------------------------------------------------------------------


@on_loop
async def test_what_a_writer_passes_on(loop, pair):
    writer = pair.writer
    writer.writelines([b"one", b"two"])
    assert b"".join(pair.transport.calls) == b"onetwo"
    assert writer.transport is pair.transport
    assert writer.get_extra_info("peername", "nobody") == "nobody"
    assert repr(writer).startswith("<StreamWriter transport=<helpers.transports.FakeTransport")
    assert "reader=<StreamReader" in repr(writer)
    assert not writer.is_closing()
    writer.close()
    assert writer.is_closing()


@on_loop
async def test_a_reader_that_nobody_holds_gets_nothing(loop, lib):
    reader = lib.StreamReader(loop=loop)
    protocol = lib.StreamReaderProtocol(reader, loop=loop)
    protocol.data_received(b"for the reader")
    assert await reader.read(100) == b"for the reader"
    del reader
    gc.collect()
    assert protocol._stream_reader is None
    protocol.data_received(b"for nobody")
    protocol.eof_received()
    protocol.connection_lost(None)
    lib.StreamReaderProtocol(None, loop=loop).data_received(b"for nobody")


@pytest.mark.ours_only
@on_loop
async def test_instances_of_the_standard_classes(loop, pair):
    assert isinstance(pair.reader, asyncio.StreamReader)
    assert isinstance(pair.writer, asyncio.StreamWriter)
    assert isinstance(pair.protocol, asyncio.Protocol)
