"""StreamReader, fed by hand: what each way to read gives, when it waits, and when it pauses the transport."""

import asyncio

import pytest
from helpers.running import cancelled, on_loop, turns
from helpers.transports import FakeTransport

pytestmark = pytest.mark.virtual_too


async def started(loop, coro):
    """A task that waits for data by now."""
    task = loop.create_task(coro)
    await turns()
    assert not task.done()
    return task


# --- read --------------------------------------------------------------------------------------


@on_loop
async def test_read_gives_what_is_there(loop, reader):
    reader.feed_data(b"one")
    reader.feed_data(b"two")
    assert await reader.read(4) == b"onet"
    assert await reader.read(100) == b"wo"


@on_loop
async def test_read_with_data_there_does_not_suspend(loop, reader):
    reader.feed_data(b"data")
    coro = reader.read(10)
    with pytest.raises(StopIteration) as stop:
        coro.send(None)
    assert stop.value.value == b"data"


@on_loop
async def test_read_waits_for_a_byte(loop, reader):
    task = await started(loop, reader.read(10))
    reader.feed_data(b"x")
    assert await task == b"x"


@on_loop
async def test_read_nothing(loop, reader):
    assert await reader.read(0) == b""
    reader.feed_data(b"x")
    assert await reader.read(0) == b""


@on_loop
async def test_read_at_the_end(loop, reader):
    task = await started(loop, reader.read(10))
    reader.feed_eof()
    assert await task == b""
    assert await reader.read() == b""
    assert await reader.read(1) == b""


@pytest.mark.parametrize("size", [-1, -2])
@on_loop
async def test_read_everything(loop, reader, size):
    reader.feed_data(b"one ")
    task = await started(loop, reader.read(size))
    reader.feed_data(b"two")
    await turns(2)
    assert not task.done()
    reader.feed_eof()
    assert await task == b"one two"


@on_loop
async def test_results_are_bytes_of_their_own(loop, reader):
    source = bytearray(b"aaaabbbbcccc\ndddd")
    reader.feed_data(source)
    source[:] = b"?" * len(source)
    reader.feed_data(memoryview(bytearray(b"eeee\n")))
    reader.feed_eof()
    results = [await reader.read(4), await reader.readexactly(4), await reader.readline(), await reader.read()]
    assert results == [b"aaaa", b"bbbb", b"cccc\n", b"ddddeeee\n"]
    assert {type(result) for result in results} == {bytes}


@pytest.mark.ours_only
@on_loop
async def test_only_bytes_can_be_fed(loop, reader):
    for wrong in ("text", 5, None):
        with pytest.raises(TypeError):
            reader.feed_data(wrong)
    reader.feed_data(b"")
    assert not reader.at_eof()


@on_loop
async def test_nothing_can_follow_the_end(loop, reader):
    reader.feed_eof()
    with pytest.raises(AssertionError, match="feed_data after feed_eof"):
        reader.feed_data(b"x")


# --- readexactly -------------------------------------------------------------------------------


@on_loop
async def test_readexactly(loop, reader):
    task = await started(loop, reader.readexactly(5))
    for piece in (b"1", b"23", b"45678"):
        reader.feed_data(piece)
        await turns()
    assert await task == b"12345"
    assert await reader.readexactly(0) == b""
    assert await reader.readexactly(3) == b"678"


@on_loop
async def test_readexactly_less_than_nothing(loop, reader):
    with pytest.raises(ValueError, match="less than zero"):
        await reader.readexactly(-1)


@on_loop
async def test_readexactly_at_the_end(loop, reader):
    task = await started(loop, reader.readexactly(5))
    reader.feed_data(b"123")
    reader.feed_eof()
    with pytest.raises(asyncio.IncompleteReadError, match="3 bytes read on a total of 5") as error:
        await task
    assert (error.value.partial, error.value.expected) == (b"123", 5)
    assert reader.at_eof()


@on_loop
async def test_readexactly_more_than_the_limit(loop, lib):
    reader = lib.StreamReader(limit=10, loop=loop)
    reader.set_transport(FakeTransport())
    task = loop.create_task(reader.readexactly(1000))
    for number in range(100):
        reader.feed_data(b"%010d" % number)
        await turns()
    assert await task == b"".join(b"%010d" % number for number in range(100))


# --- readline and readuntil --------------------------------------------------------------------


@on_loop
async def test_lines(loop, reader):
    reader.feed_data(b"one\ntwo\nth")
    assert await reader.readline() == b"one\n"
    assert await reader.readline() == b"two\n"
    task = await started(loop, reader.readline())
    reader.feed_data(b"ree")
    await turns()
    reader.feed_data(b"\nrest")
    assert await task == b"three\n"
    reader.feed_eof()
    assert await reader.readline() == b"rest"
    assert await reader.readline() == b""


@on_loop
async def test_iteration_over_lines(loop, reader):
    reader.feed_data(b"one\n\ntwo\nrest")
    reader.feed_eof()
    assert [line async for line in reader] == [b"one\n", b"\n", b"two\n", b"rest"]


@pytest.mark.parametrize("cuts", [(), (1,), (5,), (6,), (7,), (5, 6, 7), tuple(range(1, 12))], ids=str)
@on_loop
async def test_readuntil_across_pieces(loop, reader, cuts):
    data = b"value\r\n\r\nrest"
    task = await started(loop, reader.readuntil(b"\r\n\r\n"))
    for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
        reader.feed_data(data[start:end])
        await turns()
    assert await task == b"value\r\n\r\n"
    reader.feed_eof()
    assert await reader.read() == b"rest"


@pytest.mark.reference_since(3, 13)
@pytest.mark.parametrize(("separators", "expected"), [
    ((b"B", b"C"), b"aaAAB"),
    ((b"AAB", b"A"), b"aaA"),
    ((b"AB", b"AAB"), b"aaAAB"),
    ((b"BB", b"AABB", b"CC"), b"aaAABB"),
    ((b"-", b"CC"), b"aaAABBCC"),
], ids=str)
@on_loop
async def test_readuntil_several_separators(loop, reader, separators, expected):
    task = loop.create_task(reader.readuntil(separators))
    for byte in b"aaAABBCC":
        reader.feed_data(bytes([byte]))
        await turns()
    assert await task == expected
    reader.feed_eof()
    assert await reader.read() == b"aaAABBCC"[len(expected):]


@pytest.mark.reference_since(3, 13)
@on_loop
async def test_separators_must_be_some(loop, reader):
    with pytest.raises(ValueError, match="Separator should contain"):
        await reader.readuntil(())
    for wrong in (b"", (b"x", b"")):
        with pytest.raises(ValueError, match="Separator should be"):
            await reader.readuntil(wrong)


@pytest.mark.ours_only
@on_loop
async def test_separators_are_bytes(loop, reader):
    with pytest.raises(TypeError, match="encode"):
        await reader.readuntil("\n")


@on_loop
async def test_readuntil_at_the_end(loop, reader):
    reader.feed_data(b"data;")
    reader.feed_eof()
    with pytest.raises(asyncio.IncompleteReadError) as error:
        await reader.readuntil(b";;")
    assert (error.value.partial, error.value.expected) == (b"data;", None)
    assert reader.at_eof()


@on_loop
async def test_a_separator_that_is_too_far(loop, lib):
    reader = lib.StreamReader(limit=4, loop=loop)
    reader.feed_data(b"1234;12345;rest")
    assert await reader.readuntil(b";") == b"1234;"
    with pytest.raises(asyncio.LimitOverrunError, match="is found") as error:
        await reader.readuntil(b";")
    assert error.value.consumed == 5
    assert await reader.readexactly(6) == b"12345;"


@on_loop
async def test_no_separator_within_the_limit(loop, lib):
    reader = lib.StreamReader(limit=4, loop=loop)
    task = await started(loop, reader.readuntil(b"--"))
    reader.feed_data(b"1234-")
    await turns(2)
    assert not task.done()  # all four may still be before a separator
    reader.feed_data(b"5")
    with pytest.raises(asyncio.LimitOverrunError, match="not found") as error:
        await task
    assert error.value.consumed == 5
    assert await reader.read(100) == b"1234-5"


@on_loop
async def test_a_line_that_is_too_long_is_dropped(loop, lib):
    reader = lib.StreamReader(limit=4, loop=loop)
    reader.feed_data(b"12345\nnext\n")
    with pytest.raises(ValueError, match="limit"):
        await reader.readline()
    assert await reader.readline() == b"next\n"
    reader.feed_data(b"123456")
    with pytest.raises(ValueError, match="limit"):
        await reader.readline()
    reader.feed_data(b"7\n")
    assert await reader.readline() == b"7\n"


@on_loop
async def test_a_limit_is_needed(loop, lib):
    for limit in (0, -1):
        with pytest.raises(ValueError, match="Limit cannot be <= 0"):
            lib.StreamReader(limit=limit, loop=loop)


# --- the end and exceptions --------------------------------------------------------------------


@on_loop
async def test_at_eof(loop, reader):
    assert not reader.at_eof()
    reader.feed_data(b"data\n")
    reader.feed_eof()
    assert not reader.at_eof()
    await reader.readline()
    assert reader.at_eof()


@pytest.mark.parametrize("method", ["read", "readexactly", "readline", "readuntil"])
@on_loop
async def test_an_exception_ends_every_reader(loop, reader, method):
    arguments = [5] if method == "readexactly" else []
    task = await started(loop, getattr(reader, method)(*arguments))
    assert reader.exception() is None
    error = ConnectionResetError("gone")
    reader.set_exception(error)
    for coro in (task, getattr(reader, method)(*arguments)):
        with pytest.raises(ConnectionResetError, match="gone"):
            await coro
    assert reader.exception() is error


@pytest.mark.parametrize("method", ["read", "readexactly", "readline", "readuntil"])
@on_loop
async def test_data_then_an_exception(loop, reader, method):
    arguments = [5] if method in ("read", "readexactly") else []
    task = await started(loop, getattr(reader, method)(*arguments))
    reader.feed_data(b"data\n")
    reader.set_exception(ConnectionResetError("gone"))
    assert await task == b"data\n"
    with pytest.raises(ConnectionResetError, match="gone"):
        await getattr(reader, method)(*arguments)


@pytest.mark.ours_only  # the standard library's waits for more, forever
@pytest.mark.parametrize("method", ["readexactly", "readline", "readuntil"])
@on_loop
async def test_too_little_data_then_an_exception(loop, reader, method):
    arguments = [5] if method == "readexactly" else []
    task = await started(loop, getattr(reader, method)(*arguments))
    reader.feed_data(b"data")
    reader.set_exception(ConnectionResetError("gone"))
    with pytest.raises(ConnectionResetError, match="gone"):
        await task
    assert bytes(reader._buffer) == b"data"


@pytest.mark.parametrize("method", ["read", "readexactly", "readline", "readuntil"])
@on_loop
async def test_one_reader_at_a_time(loop, reader, method):
    arguments = [5] if method == "readexactly" else []
    task = await started(loop, reader.read(5))
    with pytest.raises(RuntimeError, match=r"\(\) called while another coroutine"):
        await getattr(reader, method)(*arguments)
    reader.feed_data(b"data")
    assert await task == b"data"


@on_loop
async def test_repr(loop, lib):
    reader = lib.StreamReader(loop=loop)
    assert repr(reader) == "<StreamReader>"
    reader = lib.StreamReader(limit=5, loop=loop)
    reader.set_transport(FakeTransport())
    reader.feed_data(b"12345678901")
    assert repr(reader).startswith("<StreamReader 11 bytes limit=5 transport=<helpers.transports.FakeTransport")
    assert repr(reader).endswith(" paused>")
    reader.set_exception(ValueError("bad"))
    reader.feed_eof()
    assert "eof" in repr(reader) and "exception=ValueError('bad')" in repr(reader)


# --- back-pressure -----------------------------------------------------------------------------


@on_loop
async def test_the_transport_is_paused_above_twice_the_limit(loop, lib):
    reader, transport = lib.StreamReader(limit=10, loop=loop), FakeTransport()
    reader.set_transport(transport)
    reader.feed_data(b"x" * 20)
    assert transport.calls == []
    reader.feed_data(b"x")
    assert transport.calls == ["pause"]
    reader.feed_data(b"x")  # some transports have more up their sleeve
    assert await reader.read(11) == b"x" * 11
    assert transport.calls == ["pause"]
    assert await reader.read(1) == b"x"
    assert transport.calls == ["pause", "resume"]


@on_loop
async def test_whoever_waits_resumes_the_transport(loop, lib):
    reader, transport = lib.StreamReader(limit=10, loop=loop), FakeTransport()
    reader.set_transport(transport)
    reader.feed_data(b"x" * 21)
    task = await started(loop, reader.readexactly(22))
    assert transport.calls == ["pause", "resume"]
    reader.feed_data(b"y")
    assert await task == b"x" * 21 + b"y"


@pytest.mark.ours_only
@on_loop
async def test_a_transport_that_gives_more_while_it_is_resumed(loop, lib):
    class Eager(FakeTransport):
        def resume_reading(self):
            reader.feed_data(b"y")

    reader = lib.StreamReader(limit=10, loop=loop)
    reader.set_transport(Eager())
    reader.feed_data(b"x" * 21)
    assert await reader.readexactly(22) == b"x" * 21 + b"y"


@pytest.mark.ours_only
@on_loop
async def test_a_transport_that_fails_to_resume(loop, lib):
    class Broken(FakeTransport):
        def resume_reading(self):
            raise OSError("broken")

    reader = lib.StreamReader(limit=10, loop=loop)
    reader.set_transport(Broken())
    reader.feed_data(b"x" * 21)
    with pytest.raises(OSError, match="broken"):
        await reader.readexactly(22)
    assert await reader.readexactly(21) == b"x" * 21


@pytest.mark.ours_only
@on_loop
async def test_a_reader_that_was_never_made(loop, lib):
    reader = lib.StreamReader.__new__(lib.StreamReader)
    with pytest.raises(AttributeError):
        reader.feed_data(b"x")
    with pytest.raises(AttributeError):
        await reader.read(5)


@on_loop
async def test_a_transport_that_cannot_pause(loop, lib):
    reader, transport = lib.StreamReader(limit=10, loop=loop), FakeTransport(pausable=False)
    reader.set_transport(transport)
    reader.feed_data(b"x" * 21)
    reader.feed_data(b"x" * 21)
    assert transport.calls == ["pause"]
    assert await reader.readexactly(42) == b"x" * 42


@on_loop
async def test_one_transport_only(loop, reader):
    reader.set_transport(FakeTransport())
    with pytest.raises(AssertionError):
        reader.set_transport(FakeTransport())


# --- what the standard reader gets wrong -------------------------------------------------------


@pytest.mark.ours_only
@on_loop
async def test_cancelled_read_of_everything_loses_nothing(loop, lib):
    reader = lib.StreamReader(limit=4, loop=loop)
    task = await started(loop, reader.read())
    reader.feed_data(b"123456789")
    await turns(2)
    await cancelled(task)
    reader.feed_eof()
    assert await reader.read() == b"123456789"


@pytest.mark.ours_only
@on_loop
async def test_read_in_the_turn_of_a_cancellation(loop, reader):
    task = await started(loop, reader.read(5))
    task.cancel()
    other = await started(loop, reader.read(5))
    reader.feed_data(b"data")
    assert await other == b"data"
    await cancelled(task)


@pytest.mark.ours_only
@on_loop
async def test_who_is_overtaken_waits_on(loop, reader):
    task = await started(loop, reader.read(5))
    reader.feed_data(b"data")
    assert await reader.read(5) == b"data"  # before the task runs
    await turns(2)
    assert not task.done()  # it is not at the end
    reader.feed_data(b"more")
    assert await task == b"more"


@pytest.mark.ours_only
@on_loop
async def test_overtaken_by_a_reader_that_waits(loop, reader):
    task = await started(loop, reader.readline())
    reader.feed_data(b"line\n")
    other = loop.create_task(reader.readuntil(b"ine"))
    assert await task == b"line\n"
    reader.feed_data(b"fine")
    assert await other == b"fine"


@pytest.mark.ours_only
@on_loop
async def test_no_wake_up_before_there_is_enough(loop, lib):
    reader, transport = lib.StreamReader(limit=10, loop=loop), FakeTransport()
    reader.set_transport(transport)
    task = await started(loop, reader.readexactly(100))
    for _ in range(9):
        reader.feed_data(b"x" * 10)
        assert reader._waiter is not None
    reader.feed_data(b"x" * 10)
    assert reader._waiter is None
    assert len(await task) == 100
    assert "resume" not in transport.calls  # it was not paused on the way


@on_loop
async def test_an_exception_for_a_cancelled_reader(loop, reader):
    task = await started(loop, reader.read(5))
    reader.set_exception(ConnectionResetError())
    task.cancel()
    await turns(2)
    assert task.done()
