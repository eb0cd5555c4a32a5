"""PEP 3156, "Convenience Utilities", "Synchronization": streams, locks, queues, as far as the loop carries them."""

import asyncio
import contextlib
import inspect
from asyncio import locks, queues

import pytest
from helpers.running import on_loop, turns
from helpers.streams import LOOPBACK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

profile = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


# --- open_connection, start_server ------------------------------------------------------------------


@contextlib.asynccontextmanager
async def serving(aio, connected):
    server = await aio.start_server(connected, LOOPBACK, 0)
    try:
        yield server.sockets[0].getsockname()
    finally:
        server.close()
        await server.wait_closed()


async def shut(writer):
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


@on_loop
async def test_open_connection_and_start_server_give_readers_and_writers(loop, aio):
    async def connected(reader, writer):
        seen.append((type(reader), type(writer), asyncio.current_task() is not None))
        writer.write((await reader.readline()).upper())
        await writer.drain()
        await shut(writer)
        served.set_result(None)

    seen, served = [], loop.create_future()
    async with serving(aio, connected) as where:
        reader, writer = await aio.open_connection(*where)
        writer.write(b"hello\n")
        assert await reader.read() == b"HELLO\n"
        await served
        await shut(writer)
    assert seen == [(aio.StreamReader, aio.StreamWriter, True)]


@on_loop
async def test_a_plain_function_as_callback_is_called_and_not_awaited(loop, aio):
    accepted = loop.create_future()

    def connected(reader, writer):
        accepted.set_result((reader, writer))

    async with serving(aio, connected) as where:
        _, ours = await aio.open_connection(*where)
        reader, theirs = await accepted
        ours.write_eof()
        assert await reader.read() == b""
        await shut(theirs)
        await shut(ours)


# --- StreamReader ------------------------------------------------------------------------------------

feeds = st.lists(st.binary(min_size=1, max_size=20), max_size=6)
reads = st.lists(
    st.one_of(
        st.tuples(st.just("readline"), st.none()),
        st.tuples(st.just("read"), st.integers(0, 20)),
        st.tuples(st.just("readexactly"), st.integers(0, 20)),
    ),
    max_size=6,
)


class Model:
    """What the PEP's text says of a reader, of bytes that are all there."""

    def __init__(self, data):
        self.data = data

    def take(self, size):
        taken, self.data = self.data[:size], self.data[size:]
        return taken

    def readline(self, _):
        end = self.data.find(b"\n")
        return self.take(len(self.data) if end < 0 else end + 1)

    def readexactly(self, size):
        if len(self.data) < size:
            return "incomplete", self.take(size)
        return self.take(size)


@profile
@given(feeds.map(lambda parts: [part.replace(b"\x00", b"\n") for part in parts]), reads)
def test_a_reader_gives_what_was_fed_however_it_is_cut(loop, aio, chunks, script):
    async def feed(reader):
        for chunk in chunks:
            await asyncio.sleep(0)
            reader.feed_data(chunk)
        reader.feed_eof()

    async def main():
        reader, model = aio.StreamReader(limit=1000), Model(b"".join(chunks))
        feeding = loop.create_task(feed(reader))
        for name, size in script:
            if name == "read":
                # Up to n bytes: some, unless it is the end.
                got = await reader.read(size)
                assert got == model.take(len(got)) and len(got) <= size
                assert got or not size or not model.data
            elif name == "readline":
                assert await reader.readline() == model.readline(None)
            else:
                expected = model.readexactly(size)
                try:
                    assert await reader.readexactly(size) == expected
                except asyncio.IncompleteReadError as error:
                    assert ("incomplete", error.partial) == expected and error.expected == size
        assert await reader.read() == model.data
        assert reader.at_eof() and await reader.read(10) == b""
        await feeding

    loop.run_until_complete(main())


@on_loop
async def test_read_without_a_number_reads_to_the_end(loop, aio):
    reader = aio.StreamReader()
    reading = loop.create_task(reader.read())
    reader.feed_data(b"one ")
    await turns(2)
    reader.feed_data(b"two")
    assert not reading.done()
    reader.feed_eof()
    assert await reading == b"one two"


@on_loop
async def test_an_exception_set_on_a_reader_is_raised_by_all_that_read(loop, aio):
    reader = aio.StreamReader()
    assert reader.exception() is None
    waiting = loop.create_task(reader.readline())
    await turns(1)
    error = KeyError("set")
    reader.set_exception(error)
    assert reader.exception() is error
    with pytest.raises(KeyError):
        await waiting
    for read in (reader.read, reader.readline, lambda: reader.readexactly(1)):
        with pytest.raises(KeyError):
            await read()


# --- StreamWriter -------------------------------------------------------------------------------------


@on_loop
async def test_a_writer_behaves_as_its_transport(loop, aio):
    async def connected(reader, writer):
        received.append(await reader.read())
        await shut(writer)
        served.set_result(None)

    received, served = [], loop.create_future()
    async with serving(aio, connected) as where:
        _, writer = await aio.open_connection(*where)
        assert writer.write(b"one ") is None
        writer.writelines([b"two ", b"three"])
        assert writer.can_write_eof() is writer.transport.can_write_eof() is True
        assert writer.get_extra_info("peername") == where
        assert writer.get_extra_info("unknown", "default") == "default"
        writer.write_eof()
        await served
        assert received == [b"one two three"]
        assert writer.close() is None and writer.is_closing()
        await writer.wait_closed()


@on_loop
async def test_drain_waits_while_the_transport_is_full(loop, aio):
    async def connected(reader, writer):
        peers.set_result((reader, writer))

    peers = loop.create_future()
    async with serving(aio, connected) as where:
        _, writer = await aio.open_connection(*where)
        reader, theirs = await peers
        await writer.drain()
        size = 0
        while writer.transport.get_write_buffer_size() < 1 << 20:
            writer.write(b"x" * (1 << 20))
            size += 1 << 20
            await turns(1)
        draining = loop.create_task(writer.drain())
        await turns(3)
        assert not draining.done()
        await reader.readexactly(size)
        await draining
        await shut(writer)
        await shut(theirs)


# --- Locks ---------------------------------------------------------------------------------------------


@on_loop
async def test_lock(loop, aio):
    async def user(number):
        async with lock:
            assert lock.locked()
            journal.append(number)
            await turns(1)
            journal.append(number)

    lock, journal = aio.Lock(), []
    assert not lock.locked() and await lock.acquire() is True and lock.locked()
    lock.release()
    await asyncio.gather(*map(user, range(3)))
    assert journal == [0, 0, 1, 1, 2, 2]
    with pytest.raises(KeyError):
        async with lock:
            raise KeyError
    assert not lock.locked()
    with pytest.raises(RuntimeError):
        lock.release()


@on_loop
async def test_locks_by_with_and_yield_from_are_gone(loop, aio):
    for kind in (aio.Lock, aio.Condition, aio.Semaphore):
        with pytest.raises((TypeError, AttributeError)):
            with kind():
                raise AssertionError


@on_loop
async def test_event(loop, aio):
    event = aio.Event()
    waiting = [loop.create_task(event.wait()) for _ in range(3)]
    await turns(1)
    assert not event.is_set() and not any(task.done() for task in waiting)
    event.set()
    assert [await task for task in waiting] == [True] * 3
    assert event.is_set() and await event.wait() is True
    event.clear()
    assert not event.is_set()


@on_loop
async def test_condition(loop, aio):
    async def waiter(number):
        async with condition:
            await condition.wait()
            assert condition.locked()
            woken.append(number)

    async def waiter_for():
        async with condition:
            return await condition.wait_for(lambda: woken)

    condition, woken = aio.Condition(), []
    tasks = [loop.create_task(waiter(number)) for number in range(4)]
    tasks.append(loop.create_task(waiter_for()))
    await turns(2)
    await condition.acquire()
    condition.notify(2)
    condition.release()
    await turns(4)
    assert woken == [0, 1]
    async with condition:
        condition.notify_all()
    await asyncio.gather(*tasks)
    assert woken == [0, 1, 2, 3] and await tasks[4] is woken
    with pytest.raises(RuntimeError):
        condition.notify()


@on_loop
async def test_semaphores(loop, aio):
    semaphore = aio.Semaphore()
    assert not semaphore.locked() and await semaphore.acquire() is True and semaphore.locked()
    waiting = loop.create_task(semaphore.acquire())
    await turns(1)
    assert not waiting.done()
    semaphore.release()
    assert await waiting is True
    for _ in range(3):
        semaphore.release()
    with pytest.raises(ValueError):
        aio.Semaphore(-1)
    bounded = aio.BoundedSemaphore(2)
    await bounded.acquire()
    bounded.release()
    with pytest.raises(ValueError):
        bounded.release()


# --- Queues ---------------------------------------------------------------------------------------------

items = st.lists(st.integers(0, 9), max_size=12)


@profile
@given(items, st.integers(0, 3), st.sampled_from(["Queue", "PriorityQueue", "LifoQueue"]), st.integers(0, 2))
def test_queues_give_everything_in_their_order(loop, aio, numbers, maxsize, kind, pauses):
    async def produce(queue):
        for number in numbers:
            await queue.put(number)
            await turns(pauses)

    async def main():
        queue = getattr(aio, kind)(maxsize)
        producing = loop.create_task(produce(queue))
        got = []
        while len(got) < len(numbers):
            got.append(await queue.get())
            queue.task_done()
            assert queue.qsize() <= maxsize or not maxsize
        await producing
        await queue.join()
        assert sorted(got) == sorted(numbers) and queue.empty()
        if kind == "Queue":
            assert got == numbers

    loop.run_until_complete(main())


@on_loop
async def test_queue_orders_and_methods(loop, aio):
    for kind, expected in (("Queue", [2, 3, 1]), ("PriorityQueue", [1, 2, 3]), ("LifoQueue", [1, 3, 2])):
        queue = getattr(aio, kind)(3)
        assert queue.empty() and not queue.full() and queue.maxsize == 3
        with pytest.raises(aio.QueueEmpty):
            queue.get_nowait()
        for number in (2, 3, 1):
            queue.put_nowait(number)
        assert queue.full() and queue.qsize() == 3
        with pytest.raises(aio.QueueFull):
            queue.put_nowait(4)
        assert [queue.get_nowait() for _ in range(3)] == expected
        assert issubclass(getattr(aio, kind), aio.Queue)


@on_loop
async def test_join_waits_for_task_done(loop, aio):
    queue = aio.Queue()
    await queue.put("item")
    joining = loop.create_task(queue.join())
    assert await queue.get() == "item"
    await turns(2)
    assert not joining.done()
    queue.task_done()
    await joining
    with pytest.raises(ValueError):
        queue.task_done()


@on_loop
async def test_blocking_methods_are_coroutines_without_timeouts(loop, aio):
    blocking = {
        aio.Lock: ["acquire"],
        aio.Event: ["wait"],
        aio.Condition: ["acquire", "wait", "wait_for"],
        aio.Semaphore: ["acquire"],
        aio.Queue: ["get", "put", "join"],
    }
    for kind, names in blocking.items():
        for name in names:
            method = getattr(kind(), name)
            assert inspect.iscoroutinefunction(method), (kind, name)
            assert "timeout" not in inspect.signature(method).parameters
    with pytest.raises(TimeoutError):
        await aio.wait_for(aio.Queue().get(), 0.001)


def test_the_names_of_the_submodules():
    for name in ("Lock", "Event", "Condition", "Semaphore", "BoundedSemaphore"):
        assert getattr(locks, name) is getattr(asyncio, name)
    for name in ("Queue", "PriorityQueue", "LifoQueue", "QueueEmpty", "QueueFull"):
        assert getattr(queues, name) is getattr(asyncio, name)
