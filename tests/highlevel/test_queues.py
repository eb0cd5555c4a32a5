"""Queue, PriorityQueue, LifoQueue."""

import asyncio
import collections
import copy
import pickle

import pytest
from helpers.running import cancelled, on_loop, turns

pytestmark = pytest.mark.virtual_too

shutdown = pytest.mark.reference_since(3, 13)


@pytest.mark.parametrize(
    ("kind", "expected"), [("Queue", [3, 1, 2]), ("PriorityQueue", [1, 2, 3]), ("LifoQueue", [2, 1, 3])]
)
@on_loop
async def test_order(loop, lib, kind, expected):
    queue = getattr(lib, kind)()
    for item in (3, 1, 2):
        await queue.put(item)
    assert queue.qsize() == 3 and not queue.empty() and not queue.full()
    assert [await queue.get() for _ in range(3)] == expected
    assert queue.empty()


@on_loop
async def test_get_waits_for_put(loop, lib):
    queue = lib.Queue()
    getters = [loop.create_task(queue.get()) for _ in range(3)]
    await turns()
    assert "_getters[3]" in repr(queue)
    for item in "abc":
        queue.put_nowait(item)
    assert await asyncio.gather(*getters) == ["a", "b", "c"]


@on_loop
async def test_put_waits_for_get(loop, lib):
    queue = lib.Queue(1)
    putters = [loop.create_task(queue.put(item)) for item in "abc"]
    await turns()
    assert queue.full() and queue.maxsize == 1 and "_putters[2]" in repr(queue)
    assert [await queue.get() for _ in "abc"] == ["a", "b", "c"]
    assert await asyncio.gather(*putters) == [None] * 3


@on_loop
async def test_nowait(loop, lib):
    queue = lib.Queue(1)
    with pytest.raises(asyncio.QueueEmpty):
        queue.get_nowait()
    queue.put_nowait(1)
    with pytest.raises(asyncio.QueueFull):
        queue.put_nowait(2)
    assert queue.get_nowait() == 1


@on_loop
async def test_no_limit(loop, lib):
    queue = lib.Queue(-1)
    for item in range(1000):
        queue.put_nowait(item)
    assert not queue.full() and queue.qsize() == 1000


@on_loop
async def test_repr(loop, lib):
    queue = lib.Queue(5)
    queue.put_nowait("item")
    assert str(queue) == "<Queue maxsize=5 _queue=['item'] tasks=1>"
    assert repr(queue).startswith("<Queue at 0x")
    assert lib.Queue[int].__origin__ is lib.Queue


@on_loop
async def test_join(loop, lib):
    queue = lib.Queue()
    await queue.join()
    for item in range(3):
        queue.put_nowait(item)
    joiners = [loop.create_task(queue.join()) for _ in range(2)]
    for _ in range(3):
        await turns(2)
        assert not joiners[0].done()
        queue.get_nowait()
        queue.task_done()
    await asyncio.gather(*joiners)
    await queue.join()
    with pytest.raises(ValueError, match="too many times"):
        queue.task_done()


@on_loop
async def test_join_twice(loop, lib):
    queue = lib.Queue()
    for _ in range(2):
        queue.put_nowait(1)
        joiner = loop.create_task(queue.join())
        await turns(2)
        assert not joiner.done()
        queue.get_nowait()
        queue.task_done()
        await joiner


@on_loop
async def test_cancelled_get_leaves_the_item_to_the_next(loop, lib):
    queue = lib.Queue()
    getters = [loop.create_task(queue.get()) for _ in range(3)]
    await turns()
    queue.put_nowait("a")
    getters[0].cancel()
    assert await getters[1] == "a"
    await cancelled(getters[2])
    assert getters[0].cancelled() and "_getters" not in repr(queue)


@on_loop
async def test_cancelled_put_leaves_the_room_to_the_next(loop, lib):
    queue = lib.Queue(1)
    queue.put_nowait("a")
    putters = [loop.create_task(queue.put(item)) for item in "bcd"]
    await turns()
    assert queue.get_nowait() == "a"
    putters[0].cancel()
    await putters[1]
    assert queue.get_nowait() == "c"
    await putters[2]
    assert putters[0].cancelled() and queue.get_nowait() == "d"


@pytest.mark.ours_only
@on_loop
async def test_a_getter_who_is_overtaken_keeps_its_place(loop, lib):
    queue, order = lib.Queue(), []

    async def get(name):
        order.append((name, await queue.get()))

    tasks = [loop.create_task(get(name)) for name in ("first", "second")]
    await turns()
    queue.put_nowait(1)
    assert queue.get_nowait() == 1, "the first one was woken, but somebody is quicker"
    await turns(2)
    queue.put_nowait(2)
    queue.put_nowait(3)
    await asyncio.gather(*tasks)
    assert order == [("first", 2), ("second", 3)]


@pytest.mark.ours_only
@on_loop
async def test_an_item_that_cannot_be_compared_is_not_in_the_queue(loop, lib):
    queue = lib.PriorityQueue()
    for item in (3, 1, 2):
        queue.put_nowait(item)
    with pytest.raises(TypeError):
        queue.put_nowait("text")
    assert [queue.get_nowait() for _ in range(3)] == [1, 2, 3] and queue.empty()
    for _ in range(3):
        queue.task_done()
    await queue.join()


@on_loop
async def test_subclass(loop, lib):
    class Unique(lib.Queue):
        def _init(self, maxsize):
            self._queue = {}

        def _put(self, item):
            self._queue[item] = None

        def _get(self):
            return self._queue.popitem()[0]

        def put_nowait(self, item):
            super().put_nowait(item.lower())

    queue = Unique()
    for item in ("A", "a", "b"):
        await queue.put(item)
    assert queue.qsize() == 2 and {await queue.get(), await queue.get()} == {"a", "b"}


@on_loop
async def test_subclass_with_its_own_idea_of_full(loop, lib):
    class Weighed(lib.Queue):
        def full(self):
            return sum(self._queue) >= 10

    queue = Weighed()
    queue.put_nowait(10)
    with pytest.raises(asyncio.QueueFull):
        queue.put_nowait(1)
    putter = loop.create_task(queue.put(1))
    await turns()
    assert not putter.done() and await queue.get() == 10
    await putter


# --- shutdown --------------------------------------------------------------------------------------------------


@shutdown
@on_loop
async def test_shutdown_lets_what_is_there_be_taken(loop, lib):
    queue = lib.Queue()
    queue.put_nowait(1)
    queue.shutdown()
    assert "shutdown" in repr(queue)
    for put in (queue.put, lib.Queue.put_nowait.__get__(queue)):
        with pytest.raises(lib.QueueShutDown):
            result = put(2)
            await result
    assert await queue.get() == 1
    with pytest.raises(lib.QueueShutDown):
        await queue.get()
    with pytest.raises(lib.QueueShutDown):
        queue.get_nowait()
    queue.task_done()
    await queue.join()


@shutdown
@on_loop
async def test_shutdown_at_once_drops_what_is_there(loop, lib):
    queue = lib.Queue()
    for item in range(3):
        queue.put_nowait(item)
    assert queue.get_nowait() == 0
    joiner = loop.create_task(queue.join())
    await turns()
    queue.shutdown(immediate=True)
    queue.shutdown(immediate=True)
    with pytest.raises(lib.QueueShutDown):
        await queue.get()
    await turns(2)
    assert not joiner.done(), "one item was taken out and is not done with"
    queue.task_done()
    await joiner


@shutdown
@pytest.mark.parametrize("immediate", [False, True])
@on_loop
async def test_shutdown_wakes_who_waits(loop, lib, immediate):
    empty, full = lib.Queue(), lib.Queue(1)
    full.put_nowait("item")
    tasks = [loop.create_task(empty.get()) for _ in range(2)] + [loop.create_task(full.put(1)) for _ in range(2)]
    await turns()
    empty.shutdown(immediate)
    full.shutdown(immediate)
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {lib.QueueShutDown}
    assert full.qsize() == (0 if immediate else 1)


@pytest.mark.ours_only
def test_the_standard_librarys_exceptions(lib):
    assert lib.QueueShutDown is getattr(asyncio, "QueueShutDown", lib.QueueShutDown)
    assert issubclass(lib.QueueShutDown, Exception)


@on_loop
async def test_copies_of_queues_have_the_items(loop, lib):
    for kind in (lib.Queue, lib.PriorityQueue, lib.LifoQueue):
        queue = kind(2)
        await queue.put(1)
        for other in (copy.deepcopy(queue), pickle.loads(pickle.dumps(queue))):
            await other.put(2)
            assert other.full() and other.maxsize == 2 and queue.qsize() == 1
            assert {await other.get(), await other.get()} == {1, 2}
            other.task_done()
            other.task_done()
            await other.join()


@on_loop
async def test_items_may_be_kept_in_another_kind_of_deque(loop, lib):
    class Noting(collections.deque):
        def append(self, item):
            notes.append(item)
            super().append(item)

        def popleft(self):
            notes.append("popleft")
            return super().popleft()

    class Listed(list):
        def popleft(self):
            return self.pop(0)

    for kind in (Noting, Listed):
        notes = []
        queue = lib.Queue(3)
        queue._queue = kind()
        await queue.put(1)
        queue.put_nowait(2)
        assert [await queue.get(), queue.get_nowait()] == [1, 2]
        assert notes == ([1, 2, "popleft", "popleft"] if kind is Noting else [])
