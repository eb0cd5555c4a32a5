"""Many tasks and callbacks from the same context: nobody can tell that compiled ones have no copy each.

What a task and a callback set is seen by nobody else, whatever comes between, and whoever asks for their context
gets one that is theirs.
"""

import asyncio
import contextvars
import gc
import weakref

import pytest
from helpers.accounting import turn
from helpers.cases import tulipa
from helpers.running import on_loop, turns
from hypothesis import given, settings
from hypothesis import strategies as st

variable = contextvars.ContextVar("variable", default="default")
other = contextvars.ContextVar("other", default="default")
MANY = 8
pytestmark = pytest.mark.virtual_too
has_get_context = pytest.mark.std_since(3, 12)


class Value:
    """Something that can be referred to weakly."""


@on_loop
async def test_what_a_callback_sets_is_seen_by_no_other(loop):
    seen = []

    def callback(number):
        seen.append(variable.get())
        if number % 2:
            variable.set(number)

    for number in range(MANY):
        loop.call_soon(callback, number)
        loop.call_soon_threadsafe(callback, number)
        loop.call_later(0, callback, number)
    while len(seen) < 3 * MANY:
        await asyncio.sleep(0)
    assert set(seen) == {"default"} and variable.get() == "default"


@on_loop
async def test_what_a_task_sets_stays_its_own_from_step_to_step(loop):
    async def steps(number):
        seen = []
        for step in range(4):
            seen.append(variable.get())
            if number % 3 == step:
                variable.set(number)
            await asyncio.sleep(0)
        return seen

    results = await asyncio.gather(*(steps(number) for number in range(MANY)))
    for number, seen in enumerate(results):
        set_at = number % 3 + 1
        assert seen == ["default"] * set_at + [number] * (4 - set_at)


@on_loop
async def test_values_of_the_creator_reach_all_and_come_back_from_none(loop):
    async def child():
        seen = variable.get()
        variable.set("child")
        await asyncio.sleep(0)
        return seen, variable.get()

    for value in ("one", "two", "one"):
        variable.set(value)
        results = await asyncio.gather(*(child() for _ in range(MANY)))
        assert results == [(value, "child")] * MANY and variable.get() == value


@on_loop
async def test_creators_in_turn(loop):
    """Each makes callbacks from values of its own, so that none has the same as the one before."""
    seen = []

    async def creator(number):
        variable.set(number)
        for _ in range(MANY):
            loop.call_soon(lambda: seen.append((number, variable.get())))
            await asyncio.sleep(0)

    await asyncio.gather(*(creator(number) for number in range(3)))
    await turns(2)
    assert len(seen) == 3 * MANY and all(number == value for number, value in seen)


@on_loop
async def test_a_variable_that_was_reset_is_as_before(loop):
    seen = []

    def callback():
        seen.append(variable.get())
        token = variable.set("for a moment")
        loop.call_soon(lambda: seen.append(variable.get()))
        variable.reset(token)
        loop.call_soon(lambda: seen.append(variable.get()))

    for _ in range(MANY):
        loop.call_soon(callback)
    await turns(3)
    assert seen[:MANY] == ["default"] * MANY and seen[MANY:] == ["for a moment", "default"] * MANY


@on_loop
async def test_a_token_is_good_in_its_own_callback_only(loop):
    tokens, refusals = [], []

    def take():
        tokens.append(variable.set("taken"))

    def give_back():
        try:
            variable.reset(tokens[0])
        except ValueError:
            refusals.append(variable.get())

    for _ in range(MANY):
        loop.call_soon(take)
    for _ in range(MANY):
        loop.call_soon(give_back)
    await turns(2)
    assert refusals == ["default"] * MANY


@has_get_context
@on_loop
async def test_each_has_a_context_of_its_own_for_good(loop):
    async def child():
        before = asyncio.current_task().get_context()
        variable.set("child")
        await asyncio.sleep(0)
        after = asyncio.current_task().get_context()
        return before is after and after[variable]

    tasks = [loop.create_task(child()) for _ in range(MANY)]
    early = [task.get_context() for task in tasks[::2]]
    assert await asyncio.gather(*tasks) == ["child"] * MANY
    assert [task.get_context() for task in tasks[::2]] == early
    assert len({id(task.get_context()) for task in tasks}) == MANY
    assert all(task.get_context()[variable] == "child" for task in tasks)


@has_get_context
@on_loop
async def test_a_handles_context_before_within_and_after(loop):
    contexts = []

    def callback(number):
        if number % 2:
            contexts.append(handles[number].get_context())
        variable.set(number)

    handles = [loop.call_soon(callback, number) for number in range(MANY)]
    early = handles[0].get_context()
    assert handles[0].get_context() is early and variable not in early
    await turns(2)
    assert handles[0].get_context() is early and contexts == [handle.get_context() for handle in handles[1::2]]
    assert [handle.get_context()[variable] for handle in handles] == list(range(MANY))


@has_get_context
@on_loop
async def test_a_context_got_hold_of_is_not_given_to_the_next(loop):
    """Nothing is changed in the callback itself, but later, by somebody who kept its context."""
    kept, seen = [], []

    def callback(number):
        seen.append(variable.get())
        if number == 0:
            kept.append(handles[0].get_context())
            loop.call_soon(kept[0].run, variable.set, "later")
        else:
            loop.call_soon(lambda: seen.append(variable.get()))

    handles = [loop.call_soon(callback, number) for number in range(MANY)]
    await turns(3)
    assert seen == ["default"] * (2 * MANY - 1) and kept[0][variable] == "later"


@has_get_context
@on_loop
async def test_a_handle_that_is_made_anew_in_its_own_callback(loop):
    kept = []

    def callback(number):
        if number == 0:
            kept.append(handles[0].get_context())
            variable.set("anew")
            handles[0].__init__(print, (), loop)
            variable.set("default")

    handles = [loop.call_soon(callback, number) for number in range(MANY)]
    await turns(2)
    assert handles[0].get_context()[variable] == "anew" and kept[0][variable] == "default"
    assert len({id(context) for context in [*kept, *(handle.get_context() for handle in handles)]}) == MANY + 1


@on_loop
async def test_tasks_within_tasks(loop):
    """An eager task begins while the one that made it has not left its context."""
    if not hasattr(asyncio, "eager_task_factory"):
        pytest.skip("eager tasks came with Python 3.12")
    loop.set_task_factory(asyncio.eager_task_factory)

    async def nested(depth):
        seen = [variable.get()]
        children = [loop.create_task(nested(depth - 1)) for _ in range(2 if depth else 0)]
        seen.append(variable.get())
        variable.set(depth)
        children += [loop.create_task(nested(depth - 1)) for _ in range(1 if depth else 0)]
        await asyncio.sleep(0)
        seen.append(variable.get())
        return seen, [await child for child in children]

    def check(result, inherited, depth):
        seen, children = result
        assert seen == [inherited, inherited, depth] and len(children) == (3 if depth else 0)
        for number, child in enumerate(children):
            check(child, depth if number == 2 else inherited, depth - 1)

    results = [await loop.create_task(nested(3)) for _ in range(2)]
    for result in results:
        check(result, "default", 3)


def test_a_failing_callback_leaves_nothing_behind(loop, loop_errors):
    seen = []

    def fail():
        variable.set("inside")
        raise ValueError

    for _ in range(MANY):
        loop.call_soon(fail)
        loop.call_soon(lambda: seen.append(variable.get()))
    turn(loop)
    assert seen == ["default"] * MANY and len(loop_errors) == MANY
    loop_errors.clear()


def test_what_is_freed_with_a_callback_is_outside_of_its_context(loop):
    class Thing:
        def __del__(self):
            seen.append(variable.get())

    async def main():
        variable.set("inside")
        for _ in range(MANY):
            loop.call_soon(lambda thing: None, Thing())
        await turns(2)

    seen = []
    loop.run_until_complete(main())
    assert seen == ["default"] * MANY


def test_values_go_with_the_last_who_needs_them(loop):
    async def main():
        value = Value()
        variable.set(value)
        await asyncio.gather(*(asyncio.sleep(0) for _ in range(MANY)))
        for _ in range(MANY):
            loop.call_soon(variable.get)
        handles = [loop.call_later(3600, variable.get) for _ in range(MANY)]
        await asyncio.sleep(0)
        for handle in handles:
            handle.cancel()
        return weakref.ref(value)

    reference = loop.run_until_complete(main())
    turn(loop)
    gc.collect()
    assert reference() is None


def test_what_runs_while_garbage_is_taken_apart_gets_values_that_stay(loop, loop_errors):
    """The collector takes handles and what they hold apart, one by one, which calls back for what it does not know."""
    seen = []

    def leave_garbage():
        variable.set("same")
        code = compile("1", "code", "eval")  # it does not count among what may be in cycles
        references.append(weakref.ref(code, lambda _: loop.call_soon(lambda: seen.append(variable.get()))))
        garbage = [code]
        garbage.append(garbage)
        handles = [loop.call_later(3600, print) for _ in range(MANY)]
        for handle in handles:
            handle.cancel()
        garbage.insert(0, handles)
        del code, garbage, handles, handle
        gc.collect()

    references = []
    loop.call_soon(leave_garbage)
    turn(loop, 2)
    assert seen == ["same"]


@pytest.mark.skipif(tulipa is None or not tulipa.is_compiled(), reason="interpreted, everybody has a copy")
@pytest.mark.tulipa_only
def test_contexts_are_shared_at_all(loop):
    handles = [loop.call_later(0, print) for _ in range(MANY)]
    assert not [held for held in gc.get_referents(handles[-1]) if isinstance(held, contextvars.Context)]


# --- any mix of them does as on the standard loop ---------------------------------------------------------------

steps = st.recursive(
    st.lists(
        st.one_of(
            st.tuples(st.just("set"), st.sampled_from([variable, other]), st.integers(0, 2)),
            st.tuples(st.sampled_from(["note", "pause", "moment"])),
        ),
        max_size=4,
    ),
    lambda inner: st.lists(
        st.one_of(
            st.tuples(st.sampled_from(["task", "soon", "later", "threadsafe", "done"]), inner),
            st.tuples(st.just("set"), st.sampled_from([variable, other]), st.integers(0, 2)),
            st.tuples(st.sampled_from(["note", "pause"])),
        ),
        max_size=5,
    ),
    max_leaves=30,
)


class Program:
    """Steps of tasks and callbacks; what each sees is noted under the place where it stands in the program."""

    def __init__(self, loop):
        self._loop = loop
        self._left = 0
        self.seen = {}

    def run(self, body):
        self._loop.run_until_complete(self._main(body))
        return self.seen

    async def _main(self, body):
        await self._task(body, ())
        while self._left:
            await asyncio.sleep(0)

    async def _task(self, body, place):
        for number, step in enumerate(body):
            if step[0] == "pause":
                await asyncio.sleep(0)
            else:
                self._step(step, (*place, number))
        self._note((*place, "end"))

    def _callback(self, body, place):
        for number, step in enumerate(body):
            self._step(step, (*place, number))
        self._note((*place, "end"))

    def _step(self, step, place):
        kind, *details = step
        if kind == "set":
            details[0].set(details[1])
        elif kind == "moment":
            variable.reset(variable.set("moment"))
        elif kind == "note":
            self._note(place)
        elif kind != "pause":
            self._begin(kind, details[0], place)

    def _begin(self, kind, body, place):
        self._left += 1
        if kind == "task":
            self._loop.create_task(self._task(body, place)).add_done_callback(self._ended)
        elif kind == "done":
            future = self._loop.create_future()
            future.add_done_callback(lambda _: self._counted(body, place))
            future.set_result(None)
        elif kind == "later":
            self._loop.call_later(0, self._counted, body, place)
        else:
            {"soon": self._loop.call_soon, "threadsafe": self._loop.call_soon_threadsafe}[kind](
                self._counted, body, place
            )

    def _counted(self, body, place):
        self._callback(body, place)
        self._left -= 1

    def _ended(self, task):
        task.result()
        self._left -= 1

    def _note(self, place):
        assert place not in self.seen
        self.seen[place] = variable.get(), other.get()


def expected(body, place=(), values=("default", "default")):
    """What is seen where, as PEP 567 has it: whoever begins has a copy of where it was begun."""
    seen = {}
    values = dict(zip((variable, other), values, strict=True))
    for number, (kind, *details) in enumerate(body):
        here = (*place, number)
        if kind == "set":
            values[details[0]] = details[1]
        elif kind == "note":
            seen[here] = tuple(values.values())
        elif kind not in ("pause", "moment"):
            seen.update(expected(details[0], here, values.values()))
    seen[(*place, "end")] = tuple(values.values())
    return seen


@settings(max_examples=100, deadline=None)
@given(st.lists(steps, min_size=1, max_size=4))
def test_any_mix_sees_what_pep_567_has(loop_factory, bodies):
    loop = loop_factory()
    try:
        for body in bodies:
            assert Program(loop).run(body) == expected(body)
    finally:
        loop.close()
