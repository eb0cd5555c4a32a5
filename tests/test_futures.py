"""Futures: states, results, callbacks, awaiting."""

import asyncio
import contextvars
import gc
import types
import weakref

import pytest
from helpers.accounting import ready_count, turn
from helpers.cases import tulipa
from helpers.running import on_loop, turns

pytestmark = pytest.mark.virtual_too


@pytest.fixture
def future(loop):
    return loop.create_future()


# --- states and results ---------------------------------------------------------------------------


def test_is_a_future_of_asyncio(loop_factory, future):
    assert isinstance(future, asyncio.Future)
    assert isinstance(future, loop_factory.api.Future)
    assert asyncio.isfuture(future)
    assert not isinstance(future, asyncio.Task)


def test_subclass_is_a_future_for_isfuture(loop_factory, loop):
    class Special(loop_factory.api.Future):
        pass

    assert asyncio.isfuture(Special(loop=loop))
    assert not asyncio.isfuture(Special)


def test_made_by_new_alone(loop_factory, loop):
    """Without __init__ it is nobody's: it says so, and does not crash."""
    future = loop_factory.api.Future.__new__(loop_factory.api.Future, loop=loop)
    for ask in (future.result, future.exception):
        with pytest.raises((asyncio.InvalidStateError, RuntimeError)):
            ask()
    for call in (future.cancel, future.get_loop, lambda: future.set_result(1), lambda: future.add_done_callback(print)):
        with pytest.raises((RuntimeError, AttributeError)):
            call()
    assert not future.done() and not future.cancelled()


def test_starts_pending(loop, future):
    assert not future.done() and not future.cancelled()
    assert future.get_loop() is loop
    with pytest.raises(asyncio.InvalidStateError):
        future.result()
    with pytest.raises(asyncio.InvalidStateError):
        future.exception()


@pytest.mark.parametrize("value", [None, 0, "text", (1, 2), (), ValueError("as a value"), StopIteration(3)])
def test_result(loop, future, value):
    assert future.set_result(value) is None
    assert future.done() and not future.cancelled()
    assert future.result() is value and future.result() is value
    assert future.exception() is None


def test_exception(future):
    error = ValueError("the error")
    future.set_exception(error)
    assert future.done() and not future.cancelled()
    assert future.exception() is error
    with pytest.raises(ValueError) as caught:
        future.result()
    assert caught.value is error


def test_exception_class_is_instantiated(future):
    future.set_exception(ValueError)
    assert type(future.exception()) is ValueError


@pytest.mark.parametrize("wrong", ["text", 3, None, int, pytest.param(object(), id="object")], ids=repr)
def test_only_exceptions_are_exceptions(future, wrong):
    with pytest.raises(TypeError):
        future.set_exception(wrong)
    assert not future.done()


@pytest.mark.std_since(3, 13)
@pytest.mark.parametrize("error", [StopIteration, StopIteration(5)], ids=["class", "instance"])
def test_stop_iteration_becomes_a_runtime_error(future, error):
    future.set_exception(error)
    assert type(future.exception()) is RuntimeError
    assert isinstance(future.exception().__cause__, StopIteration)


@pytest.mark.parametrize("finish", [
    lambda future: future.set_result(1),
    lambda future: future.set_exception(ValueError()),
    lambda future: future.cancel(),
], ids=["result", "exception", "cancel"])
def test_done_is_done(future, finish):
    finish(future)
    with pytest.raises(asyncio.InvalidStateError):
        future.set_result(2)
    with pytest.raises(asyncio.InvalidStateError):
        future.set_exception(KeyError())
    assert future.cancel() is False
    if not future.cancelled():
        future.exception()


def test_traceback_does_not_grow_with_every_look(future):
    future.set_exception(ValueError())
    depths = []
    for _ in range(3):
        try:
            future.result()
        except ValueError as error:
            depth, traceback = 0, error.__traceback__
            while traceback is not None:
                depth, traceback = depth + 1, traceback.tb_next
            depths.append(depth)
    assert depths[0] == depths[1] == depths[2]


def test_cancel(future):
    assert future.cancel() is True
    assert future.done() and future.cancelled()
    with pytest.raises(asyncio.CancelledError):
        future.result()
    with pytest.raises(asyncio.CancelledError):
        future.exception()
    assert future.cancel() is False


@pytest.mark.parametrize("message, args", [(None, ()), ("why", ("why",)), (7, (7,)), ("", ("",))])
def test_cancel_message(future, message, args):
    future.cancel(msg=message)
    with pytest.raises(asyncio.CancelledError) as caught:
        future.result()
    assert caught.value.args == args


def test_cancel_message_may_be_positional(future):
    future.cancel("why")
    with pytest.raises(asyncio.CancelledError, match="^why$"):
        future.exception()


# --- construction ---------------------------------------------------------------------------------


def test_constructor_takes_the_loop_by_keyword(loop, loop_factory):
    assert loop_factory.api.Future(loop=loop).get_loop() is loop
    with pytest.raises(TypeError):
        loop_factory.api.Future(loop)


@on_loop
async def test_constructor_finds_the_running_loop(loop, loop_factory):
    assert loop_factory.api.Future().get_loop() is loop


def test_constructor_without_any_loop(loop_factory):
    asyncio.set_event_loop(None)
    with pytest.raises(RuntimeError, match="event loop"):
        loop_factory.api.Future()


def test_subclass_attributes_and_weak_reference(loop, loop_factory):
    class Special(loop_factory.api.Future):
        def __init__(self, tag, *, loop):
            super().__init__(loop=loop)
            self.tag = tag

        def set_result(self, result):
            super().set_result((self.tag, result))

    special = Special("tag", loop=loop)
    special.more = "more"
    reference = weakref.ref(special)
    special.set_result(1)
    assert loop.run_until_complete(special) == ("tag", 1)
    assert isinstance(special, loop_factory.api.Future) and special.more == "more"
    del special
    gc.collect()
    assert reference() is None


def test_plain_future_takes_attributes_and_weak_references(future):
    future.anything = 1
    assert future.anything == 1
    assert weakref.ref(future)() is future
    del future.anything
    assert not hasattr(future, "anything")


def test_generic_alias(future):
    alias = type(future)[int]
    assert isinstance(alias, types.GenericAlias) and alias.__origin__ is type(future)


def test_cycle_through_the_result_is_collected(loop):
    future = loop.create_future()
    future.set_result([future])
    reference = weakref.ref(future)
    del future
    gc.collect()
    assert reference() is None


def test_identity_is_equality(loop):
    first, second = loop.create_future(), loop.create_future()
    assert first != second and len({first, second}) == 2


def test_blocking_flag_that_tasks_of_any_kind_use(future):
    assert future._asyncio_future_blocking is False
    future._asyncio_future_blocking = True
    assert future._asyncio_future_blocking is True
    future._asyncio_future_blocking = False


# --- callbacks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("finish", [
    lambda future: future.set_result(1),
    lambda future: future.set_exception(ValueError()),
    lambda future: future.cancel(),
], ids=["result", "exception", "cancel"])
def test_callbacks_come_in_order_from_the_loop(loop, future, finish):
    calls = []
    for number in range(4):
        assert future.add_done_callback(lambda done, number=number: calls.append((number, done))) is None
    finish(future)
    assert calls == [], "never from within set_result"
    turn(loop)
    assert calls == [(number, future) for number in range(4)]
    turn(loop)
    assert len(calls) == 4
    if not future.cancelled():
        future.exception()


def test_callback_of_a_done_future_comes_with_the_next_turn(loop, future):
    calls = []
    future.set_result(1)
    future.add_done_callback(calls.append)
    assert calls == []
    turn(loop)
    assert calls == [future]


def test_callbacks_of_two_futures_come_in_the_order_of_their_completion(loop):
    first, second = loop.create_future(), loop.create_future()
    order = []
    first.add_done_callback(lambda _: order.append("first"))
    second.add_done_callback(lambda _: order.append("second"))
    second.set_result(None)
    loop.call_soon(order.append, "between")
    first.set_result(None)
    turn(loop)
    assert order == ["second", "between", "first"]


def test_the_same_callback_twice_is_called_twice(loop, future):
    calls = []
    append = calls.append
    future.add_done_callback(append)
    future.add_done_callback(append)
    future.set_result(None)
    turn(loop)
    assert calls == [future, future]


@pytest.mark.parametrize("kept", range(4))
def test_remove_all_but_one(loop, future, kept):
    calls = []
    callbacks = [lambda _, number=number: calls.append(number) for number in range(4)]
    for callback in callbacks:
        future.add_done_callback(callback)
    for number, callback in enumerate(callbacks):
        if number != kept:
            assert future.remove_done_callback(callback) == 1
            assert future.remove_done_callback(callback) == 0
    future.set_result(None)
    turn(loop)
    assert calls == [kept]


def test_remove_counts_and_keeps_order(loop, future):
    calls = []

    def repeated(_):
        calls.append("repeated")

    def once(_):
        calls.append("once")

    def last(_):
        calls.append("last")

    for callback in (repeated, once, repeated, last, repeated):
        future.add_done_callback(callback)
    assert future.remove_done_callback(repeated) == 3
    assert future.remove_done_callback(repeated) == 0
    future.add_done_callback(repeated)
    future.set_result(None)
    turn(loop)
    assert calls == ["once", "last", "repeated"]


def test_remove_uses_equality(loop, future):
    calls = []
    future.add_done_callback(calls.append)
    assert future.remove_done_callback(calls.append) == 1, "two bound methods of one object are equal"
    future.set_result(None)
    turn(loop)
    assert calls == []


def test_remove_passes_on_what_equality_raises(future):
    class Awkward:
        def __eq__(self, other):
            raise ZeroDivisionError

        __hash__ = None

    future.add_done_callback(Awkward())
    future.add_done_callback(print)
    with pytest.raises(ZeroDivisionError):
        future.remove_done_callback(str)


def test_remove_survives_an_equality_that_removes_all(loop, future):
    class Awkward:
        def __eq__(self, other):
            future.remove_done_callback(dead)
            return False

        __hash__ = None

    def dead(_):
        raise AssertionError("was removed")

    for _ in range(3):
        future.add_done_callback(dead)
    future.remove_done_callback(Awkward())
    assert future.remove_done_callback(dead) == 0
    future.set_result(None)
    turn(loop)


def test_remove_after_completion_comes_too_late(loop, future):
    calls = []
    future.add_done_callback(calls.append)
    future.set_result(None)
    assert future.remove_done_callback(calls.append) == 0
    turn(loop)
    assert calls == [future]


def test_failing_callback_does_not_stop_the_others(loop, loop_errors, future):
    calls = []
    future.add_done_callback(calls.append)
    future.add_done_callback(lambda _: 1 / 0)
    future.add_done_callback(calls.append)
    future.set_result(None)
    turn(loop)
    assert calls == [future, future]
    assert [type(context["exception"]) for context in loop_errors] == [ZeroDivisionError]
    loop_errors.clear()


def test_failing_callback_tells_of_its_handle(loop, loop_errors, future):
    def fail(done):
        raise ValueError

    future.add_done_callback(fail)
    future.set_result(1)
    turn(loop)
    (error,) = loop_errors
    assert isinstance(error["handle"], asyncio.Handle) and "fail" in repr(error["handle"])
    assert "fail" in error["message"] and isinstance(error["exception"], ValueError)
    loop_errors.clear()


def test_callback_does_not_keep_a_forgotten_future_alive(loop):
    future = loop.create_future()
    gone = weakref.ref(future)
    future.add_done_callback(print)
    del future
    assert gone() is None


def test_callback_context(loop, future):
    variable = contextvars.ContextVar("variable", default="default")
    own = contextvars.copy_context()
    own.run(variable.set, "own")
    seen = []
    future.add_done_callback(lambda _: seen.append(variable.get()), context=own)
    token = variable.set("at the time of adding")
    future.add_done_callback(lambda _: seen.append(variable.get()))
    variable.reset(token)
    future.set_result(None)
    turn(loop)
    assert seen == ["own", "at the time of adding"]


def test_context_is_keyword_only(future):
    with pytest.raises(TypeError):
        future.add_done_callback(print, contextvars.copy_context())


def test_completing_with_callbacks_after_the_loop_was_closed(loop_factory):
    loop = loop_factory()
    future = loop.create_future()
    future.add_done_callback(print)
    loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        future.set_result(1)


def test_completing_without_callbacks_schedules_nothing(loop, future):
    future.set_result(1)
    assert ready_count(loop) == 0


# --- awaiting -------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, 5, (1, 2), ValueError("a value"), StopIteration(3), StopIteration])
def test_await_gives_the_result(loop, future, value):
    async def main():
        return [await future]

    loop.call_soon(future.set_result, value)
    assert loop.run_until_complete(main())[0] is value


def test_await_raises_the_exception(loop, future):
    async def main():
        await future

    error = KeyError("key")
    loop.call_soon(future.set_exception, error)
    with pytest.raises(KeyError) as caught:
        loop.run_until_complete(main())
    assert caught.value is error


@on_loop
async def test_await_of_a_done_future_does_not_yield(loop):
    future = loop.create_future()
    future.set_result("value")
    order = []
    loop.call_soon(order.append, "callback")
    order.append(await future)
    order.append(await future)
    assert order == ["value", "value"]
    await turns(1)


def test_many_waiters_wake_in_order(loop, future):
    order = []

    async def wait(number):
        await future
        order.append(number)

    tasks = [loop.create_task(wait(number)) for number in range(5)]
    turn(loop)
    future.set_result(None)
    turn(loop)
    assert order == [0, 1, 2, 3, 4]
    assert all(task.done() for task in tasks)


def test_waiters_and_callbacks_share_one_order(loop, future):
    order = []

    async def wait(name):
        await future
        order.append(name)

    future.add_done_callback(lambda _: order.append("callback 1"))
    first = loop.create_task(wait("task 1"))
    turn(loop)
    future.add_done_callback(lambda _: order.append("callback 2"))
    second = loop.create_task(wait("task 2"))
    turn(loop)
    future.set_result(None)
    turn(loop)
    assert order == ["callback 1", "task 1", "callback 2", "task 2"]
    assert first.done() and second.done()


def test_yield_from_in_a_types_coroutine(loop, future):
    @types.coroutine
    def old_style():
        value = yield from future
        return ("old", value)

    async def main():
        return await old_style()

    loop.call_soon(future.set_result, 1)
    assert loop.run_until_complete(main()) == ("old", 1)


@pytest.mark.parametrize("start", [lambda future: future.__await__(), iter], ids=["__await__", "iter"])
def test_iterator_protocol(future, start):
    iterator = start(future)
    assert iter(iterator) is iterator
    assert next(iterator) is future
    assert future._asyncio_future_blocking is True
    future.set_result((1, 2))
    with pytest.raises(StopIteration) as caught:
        next(iterator)
    assert caught.value.value == (1, 2)
    with pytest.raises(StopIteration) as caught:
        next(iterator)
    assert caught.value.value is None


def test_iterator_protocol_by_send(future):
    iterator = future.__await__()
    assert iterator.send(None) is future
    future.set_exception(KeyError("key"))
    with pytest.raises(KeyError):
        iterator.send(None)


def test_iterator_resumed_too_early(future):
    iterator = future.__await__()
    next(iterator)
    with pytest.raises(RuntimeError, match="await"):
        next(iterator)


def test_iterator_throw_and_close(future):
    iterator = future.__await__()
    next(iterator)
    with pytest.raises(KeyError, match="thrown"):
        iterator.throw(KeyError("thrown"))
    fresh = future.__await__()
    with pytest.raises(ValueError):
        fresh.throw(ValueError)
    future._asyncio_future_blocking = False  # as the task does that takes over the waiting
    closed = future.__await__()
    next(closed)
    closed.close()
    closed.close()


def test_iterator_throw_takes_only_exceptions(future):
    iterator = future.__await__()
    next(iterator)
    with pytest.raises(TypeError):
        iterator.throw("text")
    iterator.close()


def test_iterator_keeps_the_future_alive(loop):
    future = loop.create_future()
    future.set_result("kept")
    iterator = future.__await__()
    del future
    gc.collect()
    with pytest.raises(StopIteration) as caught:
        next(iterator)
    assert caught.value.value == "kept"


# -- found by CPython's own tests ----------------------------------------------------------------------------


@pytest.mark.tulipa_only
def test_subclass_without_super_init_says_so(loop):
    class Forgetful(tulipa.Future):
        def __init__(self):
            pass

    future = Forgetful()
    calls = [future.cancel, future.get_loop, lambda: future.set_result(1), lambda: future.set_exception(OSError()),
             lambda: future.add_done_callback(print), lambda: future.remove_done_callback(print)]  # fmt: skip
    for call in calls:
        with pytest.raises(RuntimeError, match=r"Future object is not initialized.*super\(\).__init__"):
            call()


@pytest.mark.filterwarnings("ignore:the .type, exc, tb. signature:DeprecationWarning")
def test_throw_an_instance_with_a_value(loop):
    with pytest.raises(TypeError, match="separate value"):
        iter(loop.create_future()).throw(OSError(1), OSError(2))
