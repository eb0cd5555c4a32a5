"""PEP 567, context variables: each clause by itself; the pseudo-code is in test_pep_567_equivalence.py."""

import asyncio
import collections.abc
import contextvars
import threading

import pytest
from helpers.accounting import turn
from helpers.running import on_loop

pytestmark = pytest.mark.virtual_too

variable = contextvars.ContextVar("variable")
defaulted = contextvars.ContextVar("defaulted", default="default")


def in_thread(function):
    """The result of a function run in another thread."""
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


# --- contextvars.ContextVar ------------------------------------------------------------------------


@on_loop
async def test_name_is_read_only(loop):
    assert variable.name == "variable"
    with pytest.raises(AttributeError):
        variable.name = "other"


@on_loop
async def test_default_is_keyword_only(loop):
    with pytest.raises(TypeError):
        contextvars.ContextVar("name", 42)
    assert contextvars.ContextVar("name", default=42).get() == 42


@on_loop
async def test_get_prefers_the_value_then_its_argument_then_the_default_then_raises(loop):
    assert defaulted.get() == "default"
    assert defaulted.get("argument") == "argument"
    assert variable.get("argument") == "argument"
    with pytest.raises(LookupError):
        variable.get()
    variable.set("value")
    assert variable.get("argument") == variable.get() == "value"


@on_loop
async def test_reset_puts_back_the_value_or_its_absence(loop):
    first = variable.set(1)
    second = variable.set(2)
    variable.reset(second)
    assert variable.get() == 1
    variable.reset(first)
    assert variable.get(None) is None


@on_loop
async def test_reset_refuses_the_token_of_another_variable(loop):
    token = variable.set(1)
    with pytest.raises(ValueError):
        defaulted.reset(token)
    variable.reset(token)


@on_loop
async def test_reset_refuses_a_token_of_another_context_so_of_another_task(loop):
    async def child():
        with pytest.raises(ValueError):
            variable.reset(token)
        return variable.set(2)

    token = variable.set(1)
    of_the_child = await loop.create_task(child())
    with pytest.raises(ValueError):
        variable.reset(of_the_child)
    variable.reset(token)


@on_loop
async def test_reset_takes_a_token_once(loop):
    token = variable.set(1)
    variable.reset(token)
    with pytest.raises(RuntimeError):
        variable.reset(token)


@on_loop
async def test_tokens_hold_after_awaits_in_the_same_task(loop):
    token = variable.set(1)
    await asyncio.sleep(0)
    await loop.create_task(asyncio.sleep(0))
    variable.reset(token)
    assert variable.get(None) is None


# --- contextvars.Token -----------------------------------------------------------------------------


@on_loop
async def test_token_tells_variable_and_old_value_read_only(loop):
    first = variable.set(1)
    second = variable.set(2)
    assert first.var is second.var is variable
    assert first.old_value is contextvars.Token.MISSING
    assert second.old_value == 1
    for name in ("var", "old_value"):
        with pytest.raises(AttributeError):
            setattr(second, name, None)


@on_loop
async def test_only_set_makes_tokens(loop):
    with pytest.raises(RuntimeError):
        contextvars.Token()


# --- contextvars.Context ---------------------------------------------------------------------------


@on_loop
async def test_context_is_a_mapping_that_can_not_be_changed(loop):
    variable.set(1)
    context = contextvars.copy_context()
    # Before Python 3.14 it has the methods without being an instance.
    assert all(hasattr(context, name) for name in dir(collections.abc.Mapping) if not name.startswith("_"))
    assert not isinstance(context, collections.abc.MutableMapping)
    assert context[variable] == context.get(variable) == dict(context.items())[variable] == 1
    assert variable in context and variable in list(context.keys()) and 1 in list(context.values())
    assert len(context) == len(list(context))
    with pytest.raises(TypeError):
        context[variable] = 2
    assert len(contextvars.Context()) == 0


@on_loop
async def test_mapping_ignores_defaults(loop):
    context = contextvars.copy_context()
    with pytest.raises(KeyError):
        context[defaulted]
    assert defaulted not in context
    assert defaulted not in dict(context.items())
    assert context.get(defaulted) is None


@on_loop
async def test_changes_within_run_are_contained(loop):
    def change():
        assert variable.get() == context[variable] == "spam"
        variable.set("ham")
        assert variable.get() == context[variable] == "ham"
        return "result"

    variable.set("spam")
    context = contextvars.copy_context()
    assert context.run(change) == "result"
    assert context[variable] == "ham"
    assert variable.get() == "spam"


@on_loop
async def test_run_passes_arguments_and_exceptions(loop):
    def function(*args, **kwargs):
        raise KeyError(args, kwargs)

    with pytest.raises(KeyError) as caught:
        contextvars.Context().run(function, 1, two=2)
    assert caught.value.args == ((1,), {"two": 2})


@on_loop
async def test_run_refuses_to_be_entered_twice(loop):
    context = contextvars.copy_context()
    with pytest.raises(RuntimeError):
        context.run(context.run, print)
    with pytest.raises(RuntimeError):
        context.run(in_thread_raising, context)


def in_thread_raising(context):
    def enter():
        try:
            context.run(print)
        except RuntimeError as error:
            return error

    raise in_thread(enter)


@on_loop
async def test_copies_are_shallow_and_independent(loop):
    held = []
    variable.set(held)
    context = contextvars.copy_context()
    copy = context.copy()
    assert copy[variable] is held
    copy.run(variable.set, "changed")
    assert context[variable] is held and copy[variable] == "changed"


def test_each_thread_has_its_own_current_context_and_so_has_each_loop(loop_factory):
    async def main():
        before = variable.get("none")
        variable.set(threading.get_ident())
        await asyncio.sleep(0)
        return before, variable.get() == threading.get_ident()

    def run():
        loop = loop_factory()
        try:
            return loop.run_until_complete(main())
        finally:
            loop.close()

    def run_in_context():
        variable.set("of the caller")
        return in_thread(run), run()

    # Python 3.14 can let a thread inherit the context of who starts it; free-threaded builds do.
    others, ours = contextvars.copy_context().run(run_in_context)
    assert others[0] in ("none", "of the caller") and others[1]
    assert ours == ("of the caller", True)


# --- asyncio ---------------------------------------------------------------------------------------

WAYS = {
    "call_soon": lambda loop, callback, *args, **kwargs: loop.call_soon(callback, *args, **kwargs),
    "call_soon_threadsafe": lambda loop, callback, *args, **kwargs: loop.call_soon_threadsafe(
        callback, *args, **kwargs
    ),
    "call_later": lambda loop, callback, *args, **kwargs: loop.call_later(0, callback, *args, **kwargs),
    "call_at": lambda loop, callback, *args, **kwargs: loop.call_at(0, callback, *args, **kwargs),
    "add_done_callback": lambda loop, callback, *args, **kwargs: _when_done(loop, callback, *args, **kwargs),
}
every_call = [way for way in WAYS if way.startswith("call")]
every_way = pytest.mark.parametrize("way", WAYS)


def _when_done(loop, callback, *args, **kwargs):
    future = loop.create_future()
    future.add_done_callback(lambda _: callback(*args), **kwargs)
    loop.call_soon(future.set_result, None, context=contextvars.Context())


def callbacks_run(loop, way, callback, *args, **kwargs):
    WAYS[way](loop, callback, *args, **kwargs)
    turn(loop, 3)


@every_way
def test_callbacks_run_in_a_copy_of_the_current_context(loop, way):
    def callback():
        seen.append(variable.get())
        variable.set("changed")

    def schedule():
        variable.set("scheduled")
        callbacks_run(loop, way, callback)
        assert variable.get() == "scheduled"

    seen = []
    contextvars.Context().run(schedule)
    assert seen == ["scheduled"]


@every_way
def test_callbacks_run_in_the_context_given_itself(loop, way):
    context = contextvars.Context()
    callbacks_run(loop, way, variable.set, "changed", context=context)
    assert context[variable] == "changed"
    assert variable.get(None) is None


@pytest.mark.parametrize("way", every_call)
def test_context_none_means_the_current_one(loop, way):
    def schedule():
        variable.set("scheduled")
        callbacks_run(loop, way, lambda: seen.append(variable.get()), context=None)

    seen = []
    contextvars.Context().run(schedule)
    assert seen == ["scheduled"]


def test_context_is_keyword_only(loop):
    context, seen = contextvars.Context(), []
    for way in every_call:
        callbacks_run(loop, way, seen.append, context)
    assert seen == [context] * len(every_call)
    with pytest.raises(TypeError):
        loop.create_future().add_done_callback(seen.append, context)


@on_loop
async def test_task_takes_a_snapshot_where_it_is_made(loop):
    async def child():
        return variable.get()

    variable.set("at its creation")
    task = loop.create_task(child())
    variable.set("later")
    assert await task == "at its creation"


@on_loop
async def test_every_advance_of_a_task_is_in_its_one_context(loop):
    async def child(number):
        for step in range(5):
            token = variable.set((number, step))
            await asyncio.sleep(0)
            assert variable.get() == (number, step)
            future = loop.create_future()
            loop.call_soon(future.set_result, None)
            await future
            assert variable.get() == (number, step)
            variable.reset(token)
        return variable.get()

    variable.set("mine")
    tasks = [loop.create_task(child(number)) for number in range(3)]
    assert [await task for task in tasks] == ["mine"] * 3
    assert variable.get() == "mine"


@on_loop
async def test_exceptions_and_cancellation_are_thrown_in_the_context_of_the_task(loop):
    async def child(future):
        variable.set("the child's")
        try:
            await future
        except (KeyError, asyncio.CancelledError) as error:
            return type(error), variable.get()

    failing, cancelled = loop.create_future(), loop.create_future()
    tasks = [loop.create_task(child(failing)), loop.create_task(child(cancelled))]
    await asyncio.sleep(0)
    failing.set_exception(KeyError())
    tasks[1].cancel()
    assert [await task for task in tasks] == [(KeyError, "the child's"), (asyncio.CancelledError, "the child's")]


@on_loop
async def test_awaiting_a_coroutine_shares_the_context(loop):
    async def callee():
        await asyncio.sleep(0)
        variable.set("by the callee")

    await callee()
    assert variable.get() == "by the callee"


@on_loop
async def test_asynchronous_generators_share_the_context_of_who_iterates(loop):
    async def generator():
        variable.set("by the generator")
        yield
        await asyncio.sleep(0)
        yield variable.get()

    numbers = generator()
    await anext(numbers)
    assert variable.get() == "by the generator"
    variable.set("by the iterating task")
    assert await anext(numbers) == "by the iterating task"
    await numbers.aclose()
