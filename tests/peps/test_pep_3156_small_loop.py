"""PEP 3156: "the standard scheduler implementation should work with any conforming event loop implementation"."""

import asyncio
import contextlib
import contextvars
import socket
import sys
import threading
import types

import pytest
from helpers.cases import cases, tulipa
from helpers.small_loop import SmallLoop
from helpers.traces import variable
from hypothesis import given, settings
from hypothesis import strategies as st

if tulipa is None:
    pytest.skip("tulipa is not installed", allow_module_level=True)

# Futures and tasks on the small loop: ours, and mixed with the standard library's.
WORLDS = {
    "ours": (tulipa.Future, tulipa.Task),
    "our tasks, their futures": (asyncio.Future, tulipa.Task),
    "their tasks, our futures": (tulipa.Future, asyncio.Task),
    "theirs": (asyncio.Future, asyncio.Task),
}


@pytest.fixture(params=WORLDS)
def small(request):
    """The small loop; whatever reaches its exception handler fails the test."""
    errors = []
    with contextlib.closing(SmallLoop(*WORLDS[request.param])) as loop:
        loop.set_exception_handler(lambda _, context: errors.append(context))
        yield loop
    assert not errors


def on_small(test):
    def run(small):
        small.run_until_complete(test(small))

    run.__name__ = test.__name__
    return run


# --- tasks on it -----------------------------------------------------------------------------------------


@on_small
async def test_small_loop_runs_tasks_and_futures(loop):
    async def add(a, b):
        await asyncio.sleep(0)
        return a + b

    task = loop.create_task(add(1, 2), name="adding")
    assert isinstance(task, loop._task_class) and task.get_name() == "adding"
    assert await task == 3
    future = loop.create_future()
    loop.call_soon(future.set_exception, KeyError("from a future"))
    with pytest.raises(KeyError, match="from a future"):
        await future


@on_small
async def test_small_loop_knows_the_current_task_and_all_tasks(loop):
    async def child():
        seen.append(asyncio.current_task())
        await asyncio.sleep(0)

    seen = []
    task = loop.create_task(child())
    assert asyncio.all_tasks() == {task, asyncio.current_task()}
    loop.call_soon(lambda: seen.append(asyncio.current_task(loop)))
    await task
    assert seen == [task, None]
    assert asyncio.all_tasks() == {asyncio.current_task()}


@on_small
async def test_small_loop_cancellation(loop):
    async def stubborn():
        try:
            await loop.create_future()
        except asyncio.CancelledError as error:
            return error.args

    task, other = loop.create_task(stubborn()), loop.create_task(asyncio.sleep(3600))
    await asyncio.sleep(0)
    assert task.cancel("stop") and other.cancel()
    assert await task == ("stop",)
    with pytest.raises(asyncio.CancelledError):
        await other
    assert other.cancelled()


@on_small
async def test_small_loop_timeouts_groups_and_gatherings(loop):
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(loop.create_future(), 0.001)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await asyncio.sleep(3600)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(asyncio.sleep(0, number)) for number in range(3)]
    assert [task.result() for task in tasks] == [0, 1, 2]
    assert await asyncio.gather(*(asyncio.sleep(0, number) for number in range(3))) == [0, 1, 2]
    done, pending = await asyncio.wait([loop.create_task(asyncio.sleep(0))])
    assert len(done) == 1 and not pending
    assert await asyncio.shield(asyncio.sleep(0, "shielded")) == "shielded"


@on_small
async def test_small_loop_contexts(loop):
    variable = contextvars.ContextVar("variable", default="outside")

    async def child():
        before = variable.get()
        variable.set("child's")
        await asyncio.sleep(0)
        return before, variable.get()

    given_context = contextvars.Context()
    assert await loop.create_task(child()) == ("outside", "child's")
    assert variable.get() == "outside"
    await loop.create_task(child(), context=given_context)
    assert given_context[variable] == "child's"


@on_small
async def test_small_loop_threads(loop):
    assert await loop.run_in_executor(None, threading.get_ident) != threading.get_ident()
    assert await asyncio.to_thread(lambda: "from a thread") == "from a thread"
    future = loop.create_future()
    thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(future.set_result, "posted"))
    thread.start()
    assert await future == "posted"
    thread.join()
    made = asyncio.run_coroutine_threadsafe(asyncio.sleep(0, "made"), loop)
    assert await asyncio.wrap_future(made) == "made"


@on_small
async def test_small_loop_locks_and_queues(loop):
    async def producer():
        async with lock:
            for number in range(3):
                await queue.put(number)
        event.set()

    lock, event, queue = asyncio.Lock(), asyncio.Event(), asyncio.Queue(1)
    task = loop.create_task(producer())
    assert [await queue.get() for _ in range(3)] == [0, 1, 2]
    await event.wait()
    await task


@on_small
async def test_small_loop_generator_based_coroutines_and_asynchronous_generators(loop):
    @types.coroutine
    def waiting():
        future = loop.create_future()
        loop.call_soon(future.set_result, "waited")
        result = yield from future
        return result

    async def numbers():
        try:
            for number in range(3):
                yield await waiting(), number
        finally:
            await asyncio.sleep(0)
            closed.append(True)

    closed = []
    assert [item async for item in numbers()] == [("waited", 0), ("waited", 1), ("waited", 2)]
    async for _ in numbers():
        break
    while len(closed) < 2:
        await asyncio.sleep(0)


@on_small
async def test_small_loop_sockets_and_streams(loop):
    async def serve(reader, writer):
        writer.write((await reader.readline()).upper())
        await writer.drain()
        writer.close()

    one, other = socket.socketpair()
    with one, other:
        one.setblocking(False)
        other.setblocking(False)
        await loop.sock_sendall(one, b"data")
        assert await loop.sock_recv(other, 100) == b"data"
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"x" * 60000 + b"\n")
    writer.write_eof()
    assert await reader.read() == b"X" * 60000 + b"\n"
    writer.close()
    await writer.wait_closed()
    server.close()


# --- random programs: the same trace on any loop, with any tasks ----------------------------------------------

FUTURES = 3
numbers = st.integers(0, FUTURES - 1)
leaves = st.one_of(
    st.tuples(st.just("pause"), st.none()),
    st.tuples(st.just("vary"), numbers),
    st.tuples(st.just("wait"), numbers),
    st.tuples(st.just("set"), numbers),
    st.tuples(st.just("fail"), numbers),
    st.tuples(st.just("cancel_future"), numbers),
    st.tuples(st.just("watch"), numbers),
    st.tuples(st.just("join"), numbers),
    st.tuples(st.just("shield"), numbers),
    st.tuples(st.just("cancel"), numbers),
    st.tuples(st.just("cancel_myself"), st.none()),
    st.tuples(st.just("uncancel"), st.none()),
    st.tuples(st.just("gather"), st.booleans()),
    st.tuples(st.just("wait_first"), st.none()),
    st.tuples(st.just("fail_myself"), st.none()),
)


def nested(steps):
    some = st.lists(steps, max_size=5)
    return st.one_of(
        st.tuples(st.just("spawn_child"), some),
        st.tuples(st.just("catch"), some),
        st.tuples(st.just("group"), st.lists(some, max_size=1)),
        st.tuples(st.just("generator_based"), some),
        st.tuples(st.just("timeout"), some),
    )


programs = st.lists(st.recursive(leaves, nested, max_leaves=25), min_size=1, max_size=8)


class Run:
    """One run of a program: `seen` has what each task saw and did, in order."""

    def __init__(self, loop):
        self.loop, self.seen, self.count, self.tasks = loop, [], 0, []
        self.taken_for_another = False
        self.futures = [loop.create_future() for _ in range(FUTURES)]

    def spawn(self, program, create_task=None):
        self.count += 1
        task = (create_task or self.loop.create_task)(self.body(self.count, program))
        self.tasks.append(task)
        return task

    async def body(self, who, program):
        children = []
        try:
            await self.steps(who, program, children)
        except BaseException as error:
            self.note(who, "ends", error)
            raise
        self.note(who, "ends")
        return who

    async def steps(self, who, program, children):
        for name, value in program:
            self.note(who, name)
            result = await getattr(self, name)(who, value, children)
            self.note(who, name, result)

    def note(self, who, name, value=None):
        self.seen.append((who, name, self.plain(value), variable.get()))

    def plain(self, value):
        if isinstance(value, BaseExceptionGroup):
            return type(value), [self.plain(error) for error in value.exceptions]
        if isinstance(value, BaseException):
            return type(value), value.args, type(value.__cause__)
        return [self.plain(item) for item in value] if isinstance(value, list) else value

    async def pause(self, who, _, children):
        self.taken_for_another |= asyncio.current_task() is not self.tasks[who - 1]
        await asyncio.sleep(0)

    async def vary(self, who, number, children):
        variable.set((who, number))

    async def wait(self, who, number, children):
        return await self.futures[number]

    async def set(self, who, number, children):
        if not self.futures[number].done():
            self.futures[number].set_result(who)

    async def fail(self, who, number, children):
        if not self.futures[number].done():
            self.futures[number].set_exception(KeyError(who))

    async def cancel_future(self, who, number, children):
        return self.futures[number].cancel(f"by {who}")

    async def watch(self, who, number, children):
        self.futures[number].add_done_callback(lambda future: self.note(who, "told", future.cancelled()))

    async def join(self, who, number, children):
        if children:
            return await children[number % len(children)]

    async def shield(self, who, number, children):
        if children:
            return await asyncio.shield(children[number % len(children)])

    async def cancel(self, who, number, children):
        if children:
            return children[number % len(children)].cancel(f"by {who}")

    async def cancel_myself(self, who, _, children):
        return asyncio.current_task().cancel("by myself")

    async def uncancel(self, who, _, children):
        requests = asyncio.current_task().cancelling()
        # Before Python 3.13 the standard library's tasks still threw what was taken back in time.
        return requests, sys.version_info >= (3, 13) and asyncio.current_task().uncancel()

    async def gather(self, who, return_exceptions, children):
        return await asyncio.gather(*children, return_exceptions=return_exceptions)

    async def wait_first(self, who, _, children):
        if children:
            done, pending = await asyncio.wait(children, return_when=asyncio.FIRST_COMPLETED)
            return len(done), len(pending)

    async def spawn_child(self, who, program, children):
        children.append(self.spawn(program))

    async def fail_myself(self, who, _, children):
        raise KeyError(f"raised by {who}")

    async def catch(self, who, program, children):
        try:
            await self.steps(who, program, children)
        except (KeyError, TimeoutError, asyncio.CancelledError, BaseExceptionGroup) as error:
            self.note(who, "caught", error)

    async def group(self, who, programs, children):
        async with asyncio.TaskGroup() as group:
            for program in programs:  # more than one are cancelled in the order of a set
                self.spawn(program, group.create_task)

    async def timeout(self, who, program, children):
        async with asyncio.timeout(0):
            await self.steps(who, program, children)

    async def generator_based(self, who, program, children):
        @types.coroutine
        def by_yield_from():
            return (yield from self.steps(who, program, children))

        return await by_yield_from()


def seen_on(make_loop, program):
    """Run it, then finish what is left waiting, in the same way on each loop."""

    async def turns():
        for _ in range(60):
            await asyncio.sleep(0)

    with contextlib.closing(make_loop()) as loop:
        loop.set_exception_handler(lambda _, context: None)  # tasks that fail unheeded
        run = Run(loop)
        run.spawn(program)
        loop.run_until_complete(turns())
        for number, future in enumerate(run.futures):
            run.note("end", "sets", number)
            if not future.done():
                future.set_result("end")
        loop.run_until_complete(turns())
        while pending := [task for task in run.tasks if not task.done()]:
            # Some catch it and go on to the next thing to wait for.
            for task in pending:
                run.note("end", "cancels", task.cancel())
            loop.run_until_complete(turns())
        for waited_for in [*run.tasks, *run.futures]:
            run.note("end", "sees", None if waited_for.cancelled() else waited_for.exception())
        assert not asyncio.all_tasks(loop) and not run.taken_for_another
        return run.seen


@settings(max_examples=100, deadline=None)
@given(programs)
def test_programs_do_the_same_on_any_loop_with_any_tasks(program):
    reference = seen_on(lambda: SmallLoop(*WORLDS["theirs"]), program)
    for name, world in WORLDS.items():
        assert seen_on(lambda world=world: SmallLoop(*world), program) == reference, name
    for case in cases(virtual=True):
        assert seen_on(case, program) == reference, case.id
