"""TaskGroup."""

import asyncio
import contextvars
import gc
import weakref

import pytest
from helpers.running import on_loop, turns

pytestmark = pytest.mark.virtual_too

group_cancel = pytest.mark.ours_only  # Python 3.15


async def give(value=None, after=1):
    await turns(after)
    return value


async def fail(error, after=0):
    await turns(after)
    raise error


async def sleep_noting(notes, name):
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        notes.append(name)
        raise


@on_loop
async def test_waits_for_all(loop, lib):
    async with lib.TaskGroup() as group:
        tasks = [group.create_task(give(number, number), name=f"task {number}") for number in range(5)]
        assert repr(group) == "<TaskGroup tasks=5 entered>"
    assert [task.result() for task in tasks] == list(range(5))
    assert tasks[3].get_name() == "task 3"


@on_loop
async def test_empty(loop, lib):
    async with lib.TaskGroup():
        pass


@on_loop
async def test_a_subclass_hears_of_every_task(loop, lib):
    heard = []

    class Hearing(lib.TaskGroup):
        def _on_task_done(self, task):
            assert task in self._tasks
            heard.append(task.result())
            super()._on_task_done(task)

    async with Hearing() as group:
        for number in range(3):
            group.create_task(give(number, number))
    assert heard == [0, 1, 2] and not group._tasks


@on_loop
async def test_what_a_group_is_given_as_its_own_hears_of_every_task(loop, lib):
    heard = []

    def on_task_done(task):
        heard.append(task.result())
        lib.TaskGroup._on_task_done(group, task)

    async with lib.TaskGroup() as group:
        group.create_task(give(0, 0))  # is told of as before
        group._on_task_done = on_task_done
        for number in range(1, 4):
            group.create_task(give(number, number))
        await turns(6)
        assert group._on_task_done is on_task_done
        del group._on_task_done
        group.create_task(give(4, 4))
    assert heard == [1, 2, 3] and not group._tasks
    with pytest.raises(AttributeError):
        del group._on_task_done


@on_loop
async def test_what_a_group_is_given_may_be_false(loop, lib):
    class Heard(list):
        def __call__(self, task):
            self.append(task.result())
            lib.TaskGroup._on_task_done(group, task)

    async with lib.TaskGroup() as group:
        group._on_task_done = heard = Heard()
        group.create_task(give(1, 1))
    assert heard == [1]


@on_loop
async def test_children_may_create_children(loop, lib):
    done = []

    async def grow(group, depth):
        await turns()
        if depth:
            for _ in range(2):
                group.create_task(grow(group, depth - 1))
        done.append(depth)

    async with lib.TaskGroup() as group:
        group.create_task(grow(group, 3))
    assert sorted(done) == [0] * 8 + [1] * 4 + [2] * 2 + [3]


@on_loop
async def test_task_in_a_context(loop, lib):
    variable = contextvars.ContextVar("variable", default="outside")
    context = contextvars.copy_context()
    context.run(variable.set, "inside")

    async def read():
        return variable.get()

    async with lib.TaskGroup() as group:
        tasks = [group.create_task(read(), context=context), group.create_task(read())]
    assert [task.result() for task in tasks] == ["inside", "outside"]


# --- failures --------------------------------------------------------------------------------------------------


@on_loop
async def test_a_failure_cancels_the_others_and_the_block(loop, lib):
    notes = []
    with pytest.raises(ExceptionGroup, match="unhandled errors in a TaskGroup") as caught:
        async with lib.TaskGroup() as group:
            group.create_task(sleep_noting(notes, "first"))
            group.create_task(fail(KeyError("key"), 1))
            group.create_task(sleep_noting(notes, "second"))
            await sleep_noting(notes, "block")
    assert [repr(error) for error in caught.value.exceptions] == ["KeyError('key')"]
    assert sorted(notes) == ["block", "first", "second"]
    assert asyncio.current_task().cancelling() == 0
    await turns(2)


@on_loop
async def test_all_failures_are_told(loop, lib):
    with pytest.raises(ExceptionGroup) as caught:
        async with lib.TaskGroup() as group:
            group.create_task(fail(KeyError(1)))
            group.create_task(fail(ValueError(2)))
            await turns()
            raise TypeError(3)
    assert [type(error) for error in caught.value.exceptions] == [KeyError, ValueError, TypeError]


@on_loop
async def test_the_block_fails(loop, lib):
    notes = []
    with pytest.raises(ExceptionGroup) as caught:
        async with lib.TaskGroup() as group:
            group.create_task(sleep_noting(notes, "task"))
            await turns(2)
            raise OSError("block")
    assert notes == ["task"] and [type(error) for error in caught.value.exceptions] == [OSError]


@on_loop
async def test_a_cancelled_child_is_no_failure(loop, lib):
    async with lib.TaskGroup() as group:
        task = group.create_task(asyncio.Event().wait())
        other = group.create_task(give("value", 3))
        await turns()
        task.cancel()
    assert task.cancelled() and other.result() == "value"


@on_loop
async def test_a_child_that_fails_while_being_cancelled(loop, lib):
    async def stubborn():
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("while cleaning up")

    with pytest.raises(ExceptionGroup) as caught:
        async with lib.TaskGroup() as group:
            group.create_task(stubborn())
            group.create_task(fail(KeyError(), 1))
    assert {type(error) for error in caught.value.exceptions} == {ValueError, KeyError}


@on_loop
async def test_nested_groups(loop, lib):
    notes = []
    with pytest.raises(ExceptionGroup) as caught:
        async with lib.TaskGroup() as outer:
            outer.create_task(sleep_noting(notes, "outer"))
            async with lib.TaskGroup() as inner:
                inner.create_task(sleep_noting(notes, "inner"))
                inner.create_task(fail(KeyError(), 1))
    (inner_group,) = caught.value.exceptions
    assert isinstance(inner_group, ExceptionGroup) and type(inner_group.exceptions[0]) is KeyError
    assert sorted(notes) == ["inner", "outer"]


@on_loop
async def test_the_outer_group_fails_while_the_inner_one_waits(loop, lib):
    notes = []
    with pytest.raises(ExceptionGroup) as caught:
        async with lib.TaskGroup() as outer:
            outer.create_task(fail(KeyError(), 2))
            async with lib.TaskGroup() as inner:
                inner.create_task(sleep_noting(notes, "inner"))
    assert notes == ["inner"] and [type(error) for error in caught.value.exceptions] == [KeyError]
    assert asyncio.current_task().cancelling() == 0


@on_loop
async def test_no_cycles_are_left(loop, lib):
    class Thing(Exception):
        pass

    async def main():
        try:
            async with lib.TaskGroup() as group:
                group.create_task(fail(Thing()))
        except ExceptionGroup as caught:
            return weakref.ref(caught.exceptions[0])

    reference = await main()
    await turns(2)
    gc.collect()
    assert reference() is None


# --- cancellation ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["block", "end"])
@on_loop
async def test_cancelled_from_outside(loop, lib, where):
    notes = []

    async def main():
        async with lib.TaskGroup() as group:
            group.create_task(sleep_noting(notes, "task"))
            if where == "block":
                await sleep_noting(notes, "block")

    task = loop.create_task(main())
    await turns(2)
    task.cancel("message")
    with pytest.raises(asyncio.CancelledError):
        await task
    assert notes == (["block", "task"] if where == "block" else ["task"])
    assert task.cancelling() == 1


@pytest.mark.reference_since(3, 13)
@on_loop
async def test_cancelled_from_outside_while_a_task_fails(loop, lib):
    """The failure is raised, and the cancellation comes at the next await."""
    notes = []

    async def main():
        try:
            async with lib.TaskGroup() as group:
                group.create_task(fail(KeyError(), 1))
                await asyncio.Event().wait()
        except* KeyError:
            notes.append(asyncio.current_task().cancelling())
        await asyncio.sleep(0)
        notes.append("not reached")

    task = loop.create_task(main())
    await turns(2)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled() and notes == [1]


@on_loop
async def test_cancelled_again_and_again_at_the_end(loop, lib):
    ends = asyncio.Event()

    async def stubborn():
        while not ends.is_set():
            try:
                await ends.wait()
            except asyncio.CancelledError:
                pass

    async def main():
        async with lib.TaskGroup() as group:
            group.create_task(stubborn())

    task = loop.create_task(main())
    await turns(2)
    for _ in range(3):
        task.cancel()
        await turns(3)
        assert not task.done()
    ends.set()
    await asyncio.wait([task])
    assert task.cancelled() and task.cancelling() == 3


@pytest.mark.reference_since(3, 14)
@on_loop
async def test_in_an_asynchronous_generator_that_is_closed(loop, lib):
    notes = []

    async def generate():
        async with lib.TaskGroup() as group:
            group.create_task(sleep_noting(notes, "task"))
            await turns(2)
            yield 1

    generator = generate()
    assert await anext(generator) == 1
    await generator.aclose()
    assert notes == ["task"]


# --- misuse ----------------------------------------------------------------------------------------------------


@on_loop
async def test_entered_twice(loop, lib):
    group = lib.TaskGroup()
    async with group:
        with pytest.raises(RuntimeError, match="has already been entered"):
            await group.__aenter__()


@pytest.mark.reference_since(3, 13)  # earlier ones leave the coroutine to the collector
@on_loop
async def test_create_task_out_of_season(loop, lib):
    group = lib.TaskGroup()
    with pytest.raises(RuntimeError, match="has not been entered"):
        group.create_task(give())
    async with group:
        pass
    with pytest.raises(RuntimeError, match="is finished"):
        group.create_task(give())
    group = lib.TaskGroup()
    with pytest.raises(ExceptionGroup):
        async with group:
            group.create_task(fail(KeyError()))
            try:
                await asyncio.Event().wait()
            finally:
                with pytest.raises(RuntimeError, match="is shutting down"):
                    group.create_task(give())


def test_outside_of_a_task(loop, lib):
    errors = []

    def enter():
        try:
            lib.TaskGroup().__aenter__().send(None)
        except RuntimeError as error:
            errors.append(str(error))

    loop.call_soon(enter)
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert "cannot determine the parent task" in errors[0]


# --- eager tasks -----------------------------------------------------------------------------------------------


@pytest.fixture
def eager_loop(loop, loop_factory):
    loop.set_task_factory(loop_factory.api.eager_task_factory)


@pytest.mark.reference_since(3, 13)
@pytest.mark.std_since(3, 12)
@on_loop
async def test_eager_tasks(loop, lib, eager_loop):
    order = []

    async def note(name):
        order.append(name)
        return name

    async with lib.TaskGroup() as group:
        first = group.create_task(note("first"))
        order.append("block")
        second = group.create_task(give("second"))
    assert order == ["first", "block"] and first.result() == "first" and second.result() == "second"


@pytest.mark.reference_since(3, 14)
@pytest.mark.std_since(3, 12)
@on_loop
async def test_an_eager_task_that_fails_at_once_cancels_the_others(loop, lib, eager_loop):
    notes = []
    with pytest.raises(ExceptionGroup) as caught:
        async with lib.TaskGroup() as group:
            group.create_task(sleep_noting(notes, "before"))
            failed = group.create_task(fail(KeyError()))
            assert failed.done()
            group.create_task(sleep_noting(notes, "after"))
            await sleep_noting(notes, "block")
    assert type(caught.value.exceptions[0]) is KeyError
    assert sorted(notes) == ["after", "before", "block"]
    assert asyncio.current_task().cancelling() == 0
    await turns(2)


@pytest.mark.tulipa_only
@on_loop
async def test_eager_start_of_one_task(loop, lib):
    order = []

    async def note(name):
        order.append(name)

    async with lib.TaskGroup() as group:
        group.create_task(note("later"))
        group.create_task(note("at once"), eager_start=True)
        group.create_task(note("later too"), eager_start=False)
        order.append("block")
    assert order == ["at once", "block", "later", "later too"]


# --- cancel() --------------------------------------------------------------------------------------------------


@group_cancel
@on_loop
async def test_cancel_ends_the_group_without_an_exception(loop, lib):
    notes = []
    async with lib.TaskGroup() as group:
        group.create_task(sleep_noting(notes, "task"))
        await turns()
        group.cancel()
        group.cancel()
        await sleep_noting(notes, "block")
    assert sorted(notes) == ["block", "task"]
    assert asyncio.current_task().cancelling() == 0
    await turns(2)
    group.cancel()
    await turns(2)


@group_cancel
@on_loop
async def test_cancel_by_a_child_while_the_block_waits_at_its_end(loop, lib):
    notes = []
    async with lib.TaskGroup() as group:
        group.create_task(sleep_noting(notes, "task"))

        async def cancel():
            await turns(2)
            group.cancel()

        group.create_task(cancel())
    assert notes == ["task"] and asyncio.current_task().cancelling() == 0


@group_cancel
@on_loop
async def test_cancel_before_the_block(loop, lib):
    group, notes = lib.TaskGroup(), []
    group.cancel()
    async with group:
        with pytest.raises(RuntimeError, match="shutting down"):
            group.create_task(give())
        await sleep_noting(notes, "block")
    assert notes == ["block"]


@group_cancel
@on_loop
async def test_cancel_as_the_last_thing_in_the_block(loop, lib):
    """The CancelledError must not come after the block, on old tasks of the standard library either."""
    async with lib.TaskGroup() as group:
        group.cancel()
    await turns(3)
    assert asyncio.current_task().cancelling() == 0


@group_cancel
@pytest.mark.std_since(3, 12)
@on_loop
async def test_cancel_by_an_eager_child_before_it_is_known(loop, lib, eager_loop):
    notes = []
    async with lib.TaskGroup() as group:

        async def cancel_and_wait():
            group.cancel()
            await sleep_noting(notes, "child")

        group.create_task(cancel_and_wait())
    assert notes == ["child"]


@group_cancel
@on_loop
async def test_cancel_and_a_failure(loop, lib):
    async def stubborn():
        try:
            await asyncio.Event().wait()
        finally:
            raise KeyError("cleaning up")

    with pytest.raises(ExceptionGroup) as caught:
        async with lib.TaskGroup() as group:
            group.create_task(stubborn())
            await turns()
            group.cancel()
    assert type(caught.value.exceptions[0]) is KeyError
    await turns(2)


@group_cancel
@on_loop
async def test_cancel_and_a_cancellation_from_outside(loop, lib):
    async def main():
        async with lib.TaskGroup() as group:
            group.cancel()
            asyncio.current_task().cancel()
            await turns(2)

    task = loop.create_task(main())
    await asyncio.wait([task])
    assert task.cancelled()


@group_cancel
@on_loop
async def test_cancel_as_the_last_thing_and_a_cancellation_from_outside(loop, lib):
    async def main():
        async with lib.TaskGroup() as group:
            group.cancel()
        await turns(2)

    task = loop.create_task(main())
    await turns()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


# --- exceptions that leave the loop -----------------------------------------------------------------------------


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_leaving_the_loop(loop, lib, error, loop_errors):
    async def main():
        async with lib.TaskGroup() as group:
            group.create_task(fail(error()))
            await asyncio.Event().wait()

    task = loop.create_task(main())
    with pytest.raises(error):
        loop.run_until_complete(task)
    with pytest.raises(error):
        loop.run_until_complete(task)


@pytest.mark.ours_only
def test_leaving_the_loop_tells_of_the_other_failures(loop, lib, loop_errors):
    async def main():
        async with lib.TaskGroup() as group:
            group.create_task(fail(KeyError("lost?")))
            try:
                await asyncio.Event().wait()
            finally:
                raise SystemExit

    async def run():
        with pytest.raises(SystemExit):
            await main()

    loop.run_until_complete(run())
    (context,) = loop_errors
    assert isinstance(context["exception"], KeyError)
    loop_errors.clear()
