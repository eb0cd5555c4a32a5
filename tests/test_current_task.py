"""`asyncio.current_task()` tells the truth wherever code can ask: in tasks, between them, and in everything else."""

import asyncio
import gc
import os
import signal
import socket
import weakref

import pytest
from helpers.running import on_loop, turns
from helpers.streams import Recorder, linked


class Witness:
    """Asks who the current task is, as a callback, and remembers the answers."""

    def __init__(self, loop):
        self.loop = loop
        self.seen = []

    def __call__(self, *_):
        self.seen.append(asyncio.current_task(self.loop))

    def saw_nobody(self, times):
        return self.seen == [None] * times


@on_loop
async def test_callbacks_and_timers_right_after_a_step_are_in_no_task(loop):
    witness = Witness(loop)
    loop.call_soon(witness)
    await asyncio.sleep(0)
    loop.call_soon_threadsafe(witness)
    loop.call_later(0, witness)
    while len(witness.seen) < 3:
        await asyncio.sleep(0)
    assert witness.saw_nobody(3)


@on_loop
async def test_done_callbacks_of_tasks_are_in_no_task(loop):
    witness = Witness(loop)
    task = loop.create_task(turns(2))
    task.add_done_callback(witness)
    await task
    await turns()
    assert witness.saw_nobody(1)


@on_loop
async def test_tasks_of_both_worlds_take_turns(loop):
    async def ask():
        own = asyncio.current_task()
        for _ in range(5):
            await asyncio.sleep(0)
            assert asyncio.current_task() is asyncio.current_task(loop) is own

    tasks = [loop.create_task(ask()) if i % 3 else asyncio.Task(ask(), loop=loop) for i in range(9)]
    await asyncio.gather(*tasks)


@pytest.mark.std_since(3, 12)
@on_loop
async def test_eager_start_within_a_task_gives_back(loop, loop_factory):
    async def inner():
        first = asyncio.current_task()
        await asyncio.sleep(0)
        assert asyncio.current_task() is first

    async def outer():
        own = asyncio.current_task()
        eager = loop_factory.api.Task(inner(), loop=loop, eager_start=True)
        assert asyncio.current_task() is own
        await eager
        assert asyncio.current_task() is own

    await asyncio.gather(*[loop.create_task(outer()) for _ in range(3)])


def test_nobody_between_runs_and_after_a_run_that_ends_by_an_error(loop):
    async def stop():
        loop.stop()
        await asyncio.sleep(0)

    task = loop.create_task(stop())
    loop.run_forever()
    assert asyncio.current_task(loop) is None
    loop.run_until_complete(task)

    async def leave():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(leave())
    assert asyncio.current_task(loop) is None


@on_loop
async def test_protocol_callbacks_are_in_no_task(loop):
    witness = Witness(loop)

    class Asking(Recorder):
        def note(self, event):
            witness()
            super().note(event)

    async with linked(loop, Asking()) as link:
        link.peer.sendall(b"x")
        await link.protocol.saw("data")
        link.transport.close()
        await link.protocol.saw("lost")
    assert witness.saw_nobody(3)


@on_loop
async def test_flow_control_at_the_end_of_a_turn_is_in_no_task(loop):
    seen = {}

    class Asking(Recorder):
        def resume_writing(self):
            seen["resume"] = asyncio.current_task(loop)
            super().resume_writing()

    async with linked(loop, Asking(), "unix") as link:
        link.transport.set_write_buffer_limits(high=1)
        while "pause" not in link.protocol.events:
            link.transport.write(bytes(65536))
            await asyncio.sleep(0)
        while "resume" not in link.protocol.events:
            await loop.sock_recv(link.peer, 1 << 20)
            await asyncio.sleep(0)
        assert seen["resume"] is None


@on_loop
async def test_readers_and_signal_handlers_are_in_no_task(loop):
    witness = Witness(loop)
    a, b = socket.socketpair()
    with a, b:
        loop.add_reader(a, lambda: (witness(), loop.remove_reader(a)))
        loop.add_signal_handler(signal.SIGUSR1, witness)
        b.send(b"x")
        os.kill(os.getpid(), signal.SIGUSR1)
        while len(witness.seen) < 2:
            await asyncio.sleep(0)
        loop.remove_signal_handler(signal.SIGUSR1)
    assert witness.saw_nobody(2)


def test_exception_handler_after_a_failed_callback_is_in_no_task(loop, loop_errors):
    witness = Witness(loop)

    async def main():
        loop.call_soon(lambda: 1 / 0)
        await turns(2)

    loop.set_exception_handler(lambda *_: witness())
    loop.run_until_complete(main())
    assert witness.saw_nobody(1)


@on_loop
async def test_the_table_keeps_no_task_alive(loop):
    task = loop.create_task(turns(3))
    gone = weakref.ref(task)
    task.add_done_callback(lambda _: None)
    await task
    del task
    await turns()
    assert gone() is None


@on_loop
async def test_a_task_that_was_asked_for_is_let_go_when_it_ends(loop):
    async def main():
        assert asyncio.current_task() is not None

    task = loop.create_task(main())
    gone = weakref.ref(task)
    ended = loop.create_future()
    task.add_done_callback(lambda _: ended.set_result(None))
    del task
    await ended
    gc.collect()
    assert gone() is None


@on_loop
async def test_who_looks_into_the_table_sees_each_step(loop):
    table = getattr(asyncio.tasks, "_current_tasks", None)
    if table is None or asyncio.current_task.__module__ != asyncio.tasks.__name__:
        pytest.skip("here the table stands elsewhere")

    async def main():
        for _ in range(3):
            assert table[loop] is asyncio.current_task()
            await asyncio.sleep(0)
            assert table.get(loop) is asyncio.current_task()

    await asyncio.gather(main(), main())


def test_a_loop_with_a_hash_of_its_own(loop_factory):
    kind = type(made := loop_factory())
    made.close()

    class Numbered(kind):
        def __eq__(self, other):
            return self is other

        def __hash__(self):
            return 7

    async def main():
        own = asyncio.current_task()
        await asyncio.sleep(0)
        assert asyncio.current_task(loop) is own
        return own

    async def several():
        tasks = [loop.create_task(main()) for _ in range(3)]
        assert await asyncio.gather(*tasks) == tasks

    loop = Numbered()
    try:
        loop.run_until_complete(several())
        assert asyncio.current_task(loop) is None
    finally:
        loop.close()
