"""Handles: what call_soon, call_later and call_at return."""

import asyncio
import contextvars
import functools
import gc
import re
import sys
import weakref

import pytest
from helpers.accounting import turn

pytestmark = pytest.mark.virtual_too


class Target:
    """A callback that can be referenced weakly."""

    def __init__(self):
        self.calls = []

    def __call__(self, *args):
        self.calls.append(args)


def named_callback(*args):
    pass


def schedule_soon(loop, callback, *args):
    return loop.call_soon(callback, *args)


def schedule_later(loop, callback, *args):
    return loop.call_later(0, callback, *args)


def schedule_at(loop, callback, *args):
    return loop.call_at(loop.time(), callback, *args)


def schedule_threadsafe(loop, callback, *args):
    return loop.call_soon_threadsafe(callback, *args)


every_way = pytest.mark.parametrize(
    "schedule", [schedule_soon, schedule_later, schedule_at, schedule_threadsafe],
    ids=["call_soon", "call_later", "call_at", "call_soon_threadsafe"],
)


@every_way
def test_is_a_handle_of_asyncio(loop, schedule):
    handle = schedule(loop, named_callback)
    assert isinstance(handle, asyncio.Handle)
    assert isinstance(handle, asyncio.TimerHandle) == (schedule in (schedule_later, schedule_at))
    turn(loop, 2)


@pytest.mark.tulipa_only
@every_way
def test_is_a_handle_of_tulipa(loop, loop_factory, schedule):
    handle = schedule(loop, named_callback)
    assert isinstance(handle, loop_factory.api.Handle)
    assert isinstance(handle, loop_factory.api.TimerHandle) == (schedule in (schedule_later, schedule_at))
    turn(loop, 2)


@every_way
def test_arguments_reach_the_callback(loop, schedule):
    target = Target()
    schedule(loop, target, 1, "two", [3])
    schedule(loop, target)
    turn(loop, 2)
    assert target.calls == [(1, "two", [3]), ()]


@every_way
def test_cancelled_handle_does_not_run(loop, schedule):
    target = Target()
    handle = schedule(loop, target)
    assert handle.cancelled() is False
    assert handle.cancel() is None
    assert handle.cancelled() is True
    turn(loop, 2)
    assert target.calls == []


@every_way
def test_cancelling_twice_is_once(loop, schedule):
    handle = schedule(loop, named_callback)
    handle.cancel()
    handle.cancel()
    assert handle.cancelled()
    turn(loop, 2)


@every_way
def test_cancel_after_the_run_is_harmless(loop, schedule):
    target = Target()
    handle = schedule(loop, target)
    turn(loop, 2)
    assert target.calls == [()]
    assert not handle.cancelled()
    handle.cancel()
    assert handle.cancelled()
    turn(loop, 2)
    assert target.calls == [()]


@every_way
def test_cancel_from_an_earlier_callback_of_the_same_turn(loop, schedule):
    target = Target()
    loop.call_soon(lambda: handle.cancel())
    handle = schedule(loop, target)
    turn(loop, 3)
    assert target.calls == []


@every_way
def test_cancel_from_its_own_callback(loop, schedule):
    seen = []

    def callback():
        handle.cancel()
        seen.append(handle.cancelled())

    handle = schedule(loop, callback)
    turn(loop, 2)
    assert seen == [True]


@every_way
def test_cancel_lets_go_of_callback_and_arguments(loop, schedule):
    target, argument = Target(), Target()
    handle = schedule(loop, target, argument)
    references = weakref.ref(target), weakref.ref(argument)
    del target, argument
    handle.cancel()
    gc.collect()
    assert [reference() for reference in references] == [None, None]
    turn(loop, 2)


@every_way
def test_what_ran_is_not_kept_alive_by_the_loop(loop, schedule):
    target = Target()
    schedule(loop, target)
    reference = weakref.ref(target)
    del target
    turn(loop, 2)
    gc.collect()
    assert reference() is None


@every_way
def test_weak_reference(loop, schedule):
    handle = schedule(loop, named_callback)
    reference = weakref.ref(handle)
    assert reference() is handle
    turn(loop, 2)
    del handle
    gc.collect()
    assert reference() is None


@pytest.mark.std_since(3, 12)
@every_way
def test_get_context_is_a_copy_of_the_callers(loop, schedule):
    variable = contextvars.ContextVar("variable")
    token = variable.set("caller")
    handle = schedule(loop, named_callback)
    variable.reset(token)
    assert isinstance(handle.get_context(), contextvars.Context)
    assert handle.get_context()[variable] == "caller"
    turn(loop, 2)


@pytest.mark.std_since(3, 12)
def test_get_context_is_the_one_given(loop):
    context = contextvars.copy_context()
    assert loop.call_soon(named_callback, context=context).get_context() is context
    assert loop.call_later(0, named_callback, context=context).get_context() is context
    assert loop.call_at(0, named_callback, context=context).get_context() is context
    assert loop.call_soon_threadsafe(named_callback, context=context).get_context() is context
    turn(loop, 2)


@every_way
def test_error_goes_to_the_exception_handler(loop, loop_errors, schedule):
    target = Target()
    error = ValueError("from the callback")

    def fail():
        raise error

    handle = schedule(loop, fail)
    schedule(loop, target)
    turn(loop, 2)
    assert target.calls == [()], "callbacks after the failing one still run"
    (context,) = loop_errors
    assert context["exception"] is error
    assert context["handle"] is handle
    assert "Exception in callback" in context["message"]
    assert "fail" in context["message"]
    loop_errors.clear()


def test_other_base_exceptions_stay_in_the_loop(loop, loop_errors):
    class Unusual(BaseException):
        pass

    error = Unusual()

    def fail():
        raise error

    loop.call_soon(fail)
    turn(loop)
    assert [context["exception"] for context in loop_errors] == [error]
    loop_errors.clear()


@every_way
def test_repr_names_the_callback(loop, schedule):
    handle = schedule(loop, named_callback, 1, "two")
    text = repr(handle)
    assert text.startswith("<") and text.endswith(">")
    assert "Handle" in text and "named_callback" in text
    assert "test_handles.py" in text
    assert "cancelled" not in text
    handle.cancel()
    assert "cancelled" in repr(handle)
    turn(loop, 2)


@pytest.mark.usefixtures("without_debug")
@pytest.mark.std_since(3, 13)
@every_way
def test_repr_keeps_arguments_to_itself_outside_of_debug_mode(loop, schedule):
    handle = schedule(loop, named_callback, "secret")
    assert "secret" not in repr(handle)
    loop.set_debug(True)
    assert "secret" in repr(schedule(loop, named_callback, "secret"))
    turn(loop, 2)


@every_way
def test_repr_of_a_timer_tells_when(loop, schedule):
    handle = schedule(loop, named_callback)
    if isinstance(handle, asyncio.TimerHandle):
        when = re.search(r"when=([-+.e\d]+)", repr(handle))
        assert float(when[1]) == handle.when()
    else:
        assert "when=" not in repr(handle)
    turn(loop, 2)


@pytest.mark.parametrize("callback, name", [
    (functools.partial(named_callback, 1), "named_callback"),
    ([].append, "append"),
    (print, "print"),
    (Target(), "Target"),
    (Target().__call__, "Target.__call__"),
    (lambda: None, "<lambda>"),
], ids=["partial", "builtin method", "builtin", "object", "method", "lambda"])
def test_repr_of_any_callable(loop, callback, name):
    handle = loop.call_soon(callback)
    assert name in repr(handle)
    handle.cancel()
    assert "cancelled" in repr(handle)
    turn(loop)


def test_repr_tells_where_it_was_made_in_debug_mode(loop):
    loop.set_debug(True)
    handle = loop.call_soon(named_callback)
    assert "created at" in repr(handle)
    assert "test_handles.py" in repr(handle).partition("created at")[2]
    handle.cancel()
    assert "named_callback" in repr(handle), "in debug mode a cancelled handle still says what it was for"
    turn(loop)


@every_way
def test_debug_mode_reports_where_the_failing_callback_was_made(loop, loop_errors, schedule):
    loop.set_debug(True)
    schedule(loop, lambda: 1 / 0)
    turn(loop, 2)
    (context,) = loop_errors
    frames = context["source_traceback"]
    assert frames[-1].name.startswith("schedule_"), "the newest frame is the call's, not one inside the loop"
    loop_errors.clear()


@every_way
def test_debug_mode_refuses_coroutines(loop, schedule):
    async def coroutine_function():
        pass

    loop.set_debug(True)
    with pytest.raises(TypeError, match="coroutines? cannot be used with"):
        schedule(loop, coroutine_function)
    coroutine = coroutine_function()
    with pytest.raises(TypeError, match="coroutines? cannot be used with"):
        schedule(loop, coroutine)
    coroutine.close()


@every_way
def test_debug_mode_refuses_what_cannot_be_called(loop, schedule):
    loop.set_debug(True)
    with pytest.raises(TypeError, match="callable"):
        schedule(loop, "not callable")


def test_timers_compare_by_deadline(loop):
    now = loop.time()
    early = loop.call_at(now + 100, named_callback)
    late = loop.call_at(now + 200, named_callback)
    twin = loop.call_at(now + 100, named_callback)
    assert early < late and early <= late and late > early and late >= early
    assert not late < early and not late <= early and not early > late and not early >= late
    assert early <= twin and early >= twin and not early < twin and not early > twin
    assert early == twin and early == early and early != late
    assert sorted([late, early]) == [early, late]
    for handle in (early, late, twin):
        handle.cancel()


def test_timers_do_not_compare_with_other_things(loop):
    handle = loop.call_later(100, named_callback)
    plain = loop.call_soon(named_callback)
    assert handle != 1 and handle != plain and not handle == 1
    with pytest.raises(TypeError):
        assert handle < 1
    with pytest.raises(TypeError):
        assert handle >= 1
    handle.cancel()
    turn(loop)


def test_handles_are_hashable(loop):
    plain = loop.call_soon(named_callback)
    timer = loop.call_later(100, named_callback)
    assert {plain: "plain", timer: "timer"}[plain] == "plain"
    assert hash(timer) == hash(timer.when())
    timer.cancel()
    turn(loop)


def test_handle_constructors_are_those_of_asyncio(loop, loop_factory):
    target = Target()
    api = loop_factory.api
    handle = api.Handle(target, (1, 2), loop)
    timer = api.TimerHandle(12.5, target, (3,), loop)
    assert isinstance(handle, asyncio.Handle) and isinstance(timer, asyncio.TimerHandle)
    assert timer.when() == 12.5
    assert not handle.cancelled() and not timer.cancelled()
    handle.cancel()
    timer.cancel()
    assert handle.cancelled() and timer.cancelled()
    assert target.calls == []


def test_a_handle_in_another_ones_place_is_new(loop):
    """Memory of handles is used again."""
    target = Target()
    for number in range(3):
        handles = [loop.call_soon(target, number) for _ in range(1500)]
        references = [weakref.ref(handle) for handle in handles]
        assert not any(handle.cancelled() for handle in handles)
        assert len({id(handle) for handle in handles}) == 1500
        for handle in handles[::2]:
            handle.cancel()
        del handle, handles
        turn(loop)
        gc.collect()
        assert not any(reference() for reference in references)
    assert target.calls == [(number,) for number in range(3) for _ in range(750)]


def test_a_handle_in_a_cycle_is_collected(loop):
    for _ in range(3):
        target = Target()
        target.handle = loop.call_soon(target)
        reference = weakref.ref(target)
        turn(loop)
        del target
        gc.collect()
        assert reference() is None


def test_what_a_burst_took_is_given_back_while_the_loop_waits(loop):
    def blocks():
        for _ in range(8):
            loop.call_later(0.001, loop.stop)
            loop.run_forever()
        gc.collect()
        return sys.getallocatedblocks()

    before = blocks()
    for _ in range(20_000):
        loop.call_soon_threadsafe(named_callback)
    turn(loop)
    assert blocks() < before + 2000
