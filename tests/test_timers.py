"""Timers: call_later, call_at and the clock."""

import contextlib
import functools
import gc
import math
import random
import weakref

import pytest
from helpers.accounting import timer_count, turn
from helpers.cases import tulipa

pytestmark = pytest.mark.virtual_too


def run_timers(loop, *delays):
    """Schedule a timer for each delay, run them all; returns the delays in the order in which they came."""
    order = []
    for delay in delays:
        loop.call_later(delay, order.append, delay)
    loop.call_later(max(delays) + 0.001, loop.stop)
    loop.run_forever()
    return order


def test_time_is_a_float_that_does_not_go_back(loop):
    times = [loop.time() for _ in range(100)]
    assert all(type(time) is float for time in times)
    assert times == sorted(times)


def test_order_is_that_of_the_deadlines(loop):
    assert run_timers(loop, 0.004, 0.001, 0.003, 0.002, 0) == [0, 0.001, 0.002, 0.003, 0.004]


def test_when_is_the_time_asked_for(loop):
    before = loop.time()
    later = loop.call_later(50, print)
    after = loop.time()
    at = loop.call_at(before + 60, print)
    assert before + 50 <= later.when() <= after + 50
    assert at.when() == before + 60
    later.cancel()
    at.cancel()


@pytest.mark.parametrize("delay", [0, 0.0, -1, -0.5, -math.inf, False])
def test_no_delay_means_the_next_turn(loop, delay):
    calls = []
    loop.call_later(delay, calls.append, "timer")
    assert calls == []
    turn(loop)
    assert calls == ["timer"]


def test_due_timers_come_after_what_is_ready(loop):
    order = []
    loop.call_later(0, order.append, "timer")
    loop.call_soon(order.append, "ready")
    turn(loop)
    assert order == ["ready", "timer"]


def test_all_due_timers_run_in_one_turn(loop):
    calls = []
    now = loop.time()
    for number in range(50):
        loop.call_at(now - number, calls.append, number)
    turn(loop)
    assert calls == list(range(49, -1, -1))


@pytest.mark.tulipa_only
def test_equal_deadlines_keep_their_order(loop):
    calls = []
    now = loop.time()
    handles = [loop.call_at(now, calls.append, number) for number in range(200)]
    for handle in handles[::7]:
        handle.cancel()
    turn(loop)
    assert calls == [number for number in range(200) if number % 7]


@pytest.mark.parametrize("delay", [0.001, 0.0101, 0.00005, 1e-9])
def test_never_early(loop, delay):
    times = []

    def callback():
        times.append(loop.time())
        loop.stop()

    handle = loop.call_later(delay, callback)
    loop.run_forever()
    # The standard loop allows itself the resolution of the clock, a nanosecond.
    assert times[0] >= handle.when() - 1e-9


@pytest.mark.tulipa_only
def test_never_early_not_even_by_the_resolution(loop):
    early = []

    def callback(deadline, left):
        if loop.time() < deadline:
            early.append(deadline)
        if left:
            deadline = loop.time() + left * 1.7e-6
            loop.call_at(deadline, callback, deadline, left - 1)
        else:
            loop.stop()

    loop.call_soon(callback, 0, 200)
    loop.run_forever()
    assert early == []


@pytest.mark.parametrize("method", ["call_later", "call_at"])
def test_no_time_is_a_type_error(loop, method):
    with pytest.raises(TypeError, match="None"):
        getattr(loop, method)(None, print)
    assert timer_count(loop) == 0


@pytest.mark.tulipa_only
@pytest.mark.parametrize("method", ["call_later", "call_at"])
def test_a_time_that_is_no_number_is_a_type_error_at_once(loop, method):
    with pytest.raises(TypeError):
        getattr(loop, method)("soon", print)
    assert timer_count(loop) == 0


@pytest.mark.tulipa_only
@pytest.mark.parametrize("method", ["call_later", "call_at"])
def test_not_a_number_is_refused(loop, method):
    # A deadline that compares with nothing would spoil the order of all other timers.
    with pytest.raises(ValueError, match="(?i)nan|not a number"):
        getattr(loop, method)(math.nan, print)
    assert timer_count(loop) == 0


@pytest.mark.parametrize("delay", [1e6, 1e12, 1e300, math.inf, 2**70], ids=repr)
def test_far_deadlines_wait_like_others(loop, delay):
    calls = []
    handle = loop.call_later(delay, calls.append, "far")
    loop.call_later(0.001, calls.append, "near")
    loop.call_later(0.002, loop.stop)
    loop.run_forever()
    assert calls == ["near"]
    handle.cancel()


def test_cancelled_timers_do_not_run(loop):
    calls = []
    handles = [loop.call_later(0.001 * number, calls.append, number) for number in range(6)]
    for number in (0, 3, 5):
        handles[number].cancel()
    loop.call_later(0.007, loop.stop)
    loop.run_forever()
    assert calls == [1, 2, 4]


def test_cancel_by_another_timer_of_the_same_turn(loop):
    calls = []
    now = loop.time()
    loop.call_at(now - 2, lambda: second.cancel())
    second = loop.call_at(now - 1, calls.append, "cancelled")
    turn(loop, 2)
    assert calls == []
    assert timer_count(loop) == 0


@pytest.mark.tulipa_only
def test_cancelled_timers_leave_at_once(loop):
    handles = [loop.call_later(1000 + number % 17, print) for number in range(1000)]
    assert timer_count(loop) == 1000
    for count, handle in enumerate(handles, 1):
        handle.cancel()
        assert timer_count(loop) == 1000 - count
        handle.cancel()
        assert timer_count(loop) == 1000 - count


@pytest.mark.tulipa_only
def test_cancelled_timers_cost_no_memory(loop):
    class Target:
        def __call__(self):
            pass

    handles = [loop.call_later(1000, Target()) for _ in range(1000)]
    references = [weakref.ref(handle) for handle in handles]
    for handle in handles:
        handle.cancel()
    del handle, handles
    gc.collect()
    assert [reference for reference in references if reference() is not None] == []


@pytest.mark.tulipa_only
def test_cancelled_timers_are_let_go_of_when_they_are_more_than_half(loop):
    handles = [loop.call_later(1000 + number % 17, print) for number in range(1000)]
    references = [weakref.ref(handle) for handle in handles]
    random.Random(3).shuffle(handles)
    while handles:
        handles.pop().cancel()
        if len(handles) % 50 == 0:
            gc.collect()
            kept = sum(reference() is not None for reference in references)
            assert len(handles) <= kept <= 2 * len(handles) + 64
    assert kept == 0


@pytest.mark.tulipa_only
def test_what_runs_when_cancelled_timers_are_let_go_of_may_add_and_cancel_others(loop):
    chance, ran, others = random.Random(4), [], []

    def gone(_reference):
        if len(others) > 300:
            others.pop(chance.randrange(len(others))).cancel()
        others.append(loop.call_later(chance.choice([0.5, 1000]), ran.append, "other"))

    handles = [loop.call_later(1000, ran.append, "first") for _ in range(1000)]
    references = [weakref.ref(handle, gone) for handle in handles]
    chance.shuffle(handles)
    while handles:
        handles.pop().cancel()
        assert timer_count(loop) == len(handles) + len(others)
    while others:
        others.pop().cancel()
    assert timer_count(loop) == 0
    assert len(references) == 1000 and ran == []


def test_a_callback_and_its_arguments_are_let_go_of_by_cancel(loop):
    class Target:
        def __call__(self, argument):
            pass

    handles, references = [], []
    for _ in range(3):
        callback, argument = Target(), Target()
        handles.append(loop.call_later(1000, callback, argument))
        references += [weakref.ref(callback), weakref.ref(argument)]
    del callback, argument
    handles[1].cancel()
    assert [reference() is None for reference in references] == [False, False, True, True, False, False]
    for handle in handles:
        handle.cancel()


def test_a_timer_in_a_cycle_is_collected(loop):
    class Owner:
        def __init__(self):
            self.timer = loop.call_later(0, self.ring)

        def ring(self):
            pass

    owners = [weakref.ref(Owner()) for _ in range(100)]
    turn(loop, 2)
    gc.collect()
    assert [owner for owner in owners if owner() is not None] == []


@pytest.mark.tulipa_only
def test_a_timer_that_ran_is_gone(loop):
    handle = loop.call_later(0, print)
    assert timer_count(loop) == 1
    turn(loop)
    assert timer_count(loop) == 0
    handle.cancel()
    assert timer_count(loop) == 0


def test_timer_scheduled_by_a_timer(loop):
    order = []

    def again(left):
        order.append(left)
        if left:
            loop.call_later(0, again, left - 1)
        else:
            loop.stop()

    loop.call_later(0, again, 5)
    loop.run_forever()
    assert order == [5, 4, 3, 2, 1, 0]


def test_timers_without_delay_do_not_starve_the_rest(loop):
    turns = []

    def again():
        turns.append("timer")
        if len(turns) < 100:
            loop.call_later(0, again)

    loop.call_later(0, again)
    turn(loop)
    assert turns == ["timer"], "what a timer schedules waits for the next turn"
    turn(loop, 200)
    assert len(turns) == 100


def test_closing_forgets_timers(loop_factory):
    loop = loop_factory()
    calls = []
    handle = loop.call_later(0, calls.append, "timer")
    loop.close()
    handle.cancel()
    assert handle.cancelled()
    assert calls == []


def test_closed_loop_refuses_timers(loop_factory):
    loop = loop_factory()
    loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        loop.call_later(1, print)
    with pytest.raises(RuntimeError, match="closed"):
        loop.call_at(1, print)


def test_time_still_runs_on_a_closed_loop(loop_factory):
    loop = loop_factory()
    before = loop.time()
    loop.close()
    assert loop.time() >= before


@pytest.mark.parametrize("count", [1, 2, 3, 10, 1000])
def test_many_timers_in_any_order(loop, count):
    order = []
    base = loop.time() - 10
    for number in range(count):
        place = (number * 7919) % count
        loop.call_at(base + place * 1e-3, order.append, place)
    loop.call_at(base + 10 + 1e-3 * count, loop.stop) if count > 10 else loop.call_later(0, loop.stop)
    loop.run_forever()
    assert order == sorted(order)
    assert len(order) == count


def test_a_partial_and_a_method_are_callbacks(loop):
    calls = []
    loop.call_later(0, functools.partial(calls.append, "partial"))
    loop.call_later(0.0005, calls.append, "method")
    loop.call_later(0.001, loop.stop)
    loop.run_forever()
    assert calls == ["partial", "method"]


@pytest.mark.skipif(tulipa is None, reason="tulipa is not installed")
@pytest.mark.parametrize("seconds", [0.5, 1.5, 90])
def test_equal_deadlines_set_at_different_times_keep_their_order(seconds):
    with contextlib.closing(tulipa.EventLoop("virtual")) as loop:
        calls = []
        deadline = loop.time() + seconds
        for number in range(20):
            loop.call_at(loop.time() + number * seconds / 20, loop.call_at, deadline, calls.append, number)
        loop.call_at(deadline + 1, loop.stop)
        loop.run_forever()
        assert calls == list(range(20))


@pytest.mark.skipif(tulipa is None, reason="tulipa is not installed")
@pytest.mark.parametrize("span", [0.5, 20, 5000])
def test_thousands_of_which_most_are_cancelled_on_the_way(span):
    with contextlib.closing(tulipa.EventLoop("virtual")) as loop:
        chance, ran, kept = random.Random(1), [], []
        start = loop.time()
        for number in range(5000):
            deadline = start + chance.choice([span, chance.uniform(0, span)])
            timer = loop.call_at(deadline, ran.append, (deadline, number))
            if chance.random() < 0.1:
                kept.append((deadline, number))
            else:
                loop.call_at(chance.uniform(start - span, deadline), timer.cancel)
        loop.call_at(start + span + 1, loop.stop)
        loop.run_forever()
        assert ran == sorted(kept) and timer_count(loop) == 0


@pytest.mark.skipif(tulipa is None, reason="tulipa is not installed")
def test_a_far_timer_that_is_cancelled_wakes_nobody_in_the_wrong_order():
    with contextlib.closing(tulipa.EventLoop("virtual")) as loop:
        calls = []
        first = loop.call_later(10, calls.append, "first")
        loop.call_later(20, lambda: calls.append(loop.time()))
        second = loop.time() + 20
        turn(loop)
        first.cancel()
        loop.call_later(21, loop.stop)
        loop.run_forever()
        assert calls == [pytest.approx(second)]


@pytest.mark.parametrize("change", ["cancel", "add"])
def test_the_collector_may_run_code_while_timers_move(loop, change):
    """Up to Python 3.11 any object that is made may set it off, and it runs code of the program's."""
    if tulipa is not None and not tulipa.is_compiled():
        pytest.skip("in Python, code may run between any two others")
    ran, expected, handles, in_use = [], [], [], []

    def collecting(_phase, _info):
        if not in_use or expected:
            return
        if change == "cancel":
            expected.append(list(ran))
            for handle in reversed(handles):
                handle.cancel()
        else:
            expected.append(list(range(1000)))
            for number in range(500, 1000):
                loop.call_later(0, ran.append, number)

    def begin():
        handles.extend(loop.call_later(0, ran.append, number) for number in range(500))
        # Of the lists and slices that Python keeps in store none is left, so that the next one is made.
        gc.disable()
        in_use.extend([[] for _ in range(1000)])
        in_use.append(slice(1))
        gc.set_threshold(1)
        gc.enable()

    threshold = gc.get_threshold()
    gc.callbacks.append(collecting)
    try:
        loop.call_soon(begin)
        loop.call_soon(loop.call_soon, loop.call_soon, loop.stop)
        loop.run_forever()
    finally:
        gc.set_threshold(*threshold)
        gc.callbacks.remove(collecting)
    turn(loop, 3)
    assert timer_count(loop) == 0
    assert sorted(ran) == (expected[0] if expected else list(range(500)))

@pytest.mark.skipif(tulipa is None, reason="tulipa is not installed")
def test_thousands_that_are_far_apart():
    """So many and so far apart that the border between near and far timers moves by more than it usually does."""
    with contextlib.closing(tulipa.EventLoop("virtual")) as loop:
        chance, ran, kept = random.Random(2), [], []
        for number in range(10000):
            deadline = chance.randrange(1, 30000)
            timer = loop.call_at(deadline, lambda *entry: ran.append((*entry, loop.time())), deadline, number)
            if number % 10 == 0:
                loop.call_at(chance.uniform(0, deadline), timer.cancel)
            else:
                kept.append((deadline, number))
        loop.call_at(30001, loop.stop)
        loop.run_forever()
        assert [entry[:2] for entry in ran] == sorted(kept) and timer_count(loop) == 0
        assert all(deadline <= now < deadline + 0.5 for deadline, _, now in ran)
